"""`luthier evaluate`: what is scored on which rows, and where the scores are."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub


@pytest.fixture
def found(result: SimpleNamespace) -> SimpleNamespace:
    """What an evaluation gives back."""
    return SimpleNamespace(to_dict=result.to_dict, directory=Path("runs/a/evaluations/1"))


def test_evaluate_scores_and_says_where(stub: Stub, found: SimpleNamespace, capsys: CapSys) -> None:
    calls = stub("evaluate", evaluate=found)
    words = "evaluate runs/a t.csv --label y --set threshold=0.3 --device cpu --allow mostly-skipped"
    assert main(words.split()) == 0
    assert calls["evaluate"].args == ("runs/a", ["t.csv"])
    assert calls["evaluate"].settings == {
        "device": "cpu",
        "data.allow": ["mostly-skipped"],
        "data.columns.label": "y",
        "evaluation.threshold": 0.3,
    }
    shown = capsys.readouterr().out
    assert "0.942 (0.917-0.963)" in shown
    assert shown.splitlines()[-1] == "written to runs/a/evaluations/1"


def test_without_data_a_run_is_scored_again_as_it_was(stub: Stub, found: SimpleNamespace, capsys: CapSys) -> None:
    calls = stub("evaluate", evaluate=found)
    assert main(["evaluate", "runs/a", "--json"]) == 0
    assert calls["evaluate"].args == ("runs/a", None)
    assert calls["evaluate"].settings == {}
    assert json.loads(capsys.readouterr().out) == found.to_dict()
