"""`luthier runs`: what is known of each run, and a word where there is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub


def test_runs_lists_scores(stub: Stub, capsys: CapSys) -> None:
    metric = {"name": "accuracy", "value": 0.9, "low": 0.8, "high": 0.95}
    found: list[dict[str, Any]] = [
        {"run": "runs/a", "state": "done", "model": "minilm", "metric": metric, "verdict": None},
        {"run": "runs/b", "state": "running", "task": None, "model": None, "metric": None, "verdict": None},
        {"run": "runs/c", "state": "damaged: the file is damaged", "started": None},
    ]
    calls = stub("runs", runs=found)
    assert main(["runs"]) == 0
    assert calls["runs"].args == (Path("runs"),)
    assert capsys.readouterr().out.splitlines() == [
        "runs/a  done",
        "    minilm, accuracy 0.900 (0.800-0.950)",
        "runs/b  running",
        "runs/c  damaged: the file is damaged",
    ]
    assert main(["runs", "elsewhere", "--json"]) == 0
    assert calls["runs"].args == (Path("elsewhere"),)
    assert json.loads(capsys.readouterr().out) == {"runs": found}


def test_a_score_that_is_not_defined_is_said_to_be_so(stub: Stub, capsys: CapSys) -> None:
    metric = {"name": "mcc", "value": None, "low": None, "high": None}
    stub("runs", runs=[{"run": "runs/a", "state": "done", "model": "minilm", "metric": metric}])
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "    minilm, Matthews correlation not defined"


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("significantly better", ", significantly better than TF-IDF"),
        ("significantly worse", ", significantly worse than TF-IDF"),
        ("not significant", ", not significantly better than TF-IDF"),
        ("not tested", ""),
    ],
)
def test_a_score_is_judged_by_the_best_baseline(says: str, words: str, stub: Stub, capsys: CapSys) -> None:
    metric = {"name": "accuracy", "value": 0.9, "low": 0.8, "high": 0.95}
    verdict = {"baseline": "tfidf", "says": says}
    stub("runs", runs=[{"run": "runs/a", "state": "done", "metric": metric, "verdict": verdict}])
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"    accuracy 0.900 (0.800-0.950){words}"


def test_no_runs_says_how_to_make_one(stub: Stub, capsys: CapSys) -> None:
    stub("runs", runs=[])
    assert main(["runs"]) == 0
    assert "luthier train DATA" in capsys.readouterr().out
