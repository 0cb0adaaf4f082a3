"""`luthier compare`: scores, differences with their verdicts, and the settings that differ."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub

FOUND: dict[str, Any] = {
    "runs": ["a", "b"],
    "metrics": {
        "accuracy": {
            "a": {"value": 0.9, "low": 0.85, "high": 0.95, "greater_is_better": True},
            "b": {"value": 0.93, "low": 0.9, "high": 0.96, "greater_is_better": True},
        },
        "f1": {"b": {"value": 0.8, "low": None, "high": None, "greater_is_better": True}},
        "mae": {"b": {"value": 1.5, "low": 1.25, "high": 1.75, "greater_is_better": False}},
    },
    "differences": {
        "accuracy": {"b": {"value": 0.03, "low": -0.01, "high": 0.07}},
        "f1": {"b": {"value": 0.05, "low": 0.01, "high": 0.09}},
        "mae": {"b": {"value": 0.25, "low": 0.125, "high": 0.5}},
    },
    "notes": ["b was cut"],
    "recipes": {"training.learning_rate": {"a": 5e-5, "b": None}},
    "page": "compare.html",
}


def told(found: dict[str, Any], stub: Stub, capsys: CapSys, *words: str) -> list[str]:
    """The lines that the command prints."""
    calls = stub("compare", compare=SimpleNamespace(to_dict=lambda: found))
    assert main(["compare", "runs/a", "runs/b", *words]) == 0
    assert calls["compare"].args == ([Path("runs/a"), Path("runs/b")],)
    assert calls["compare"].kwargs["output"] == (Path(words[1]) if words[:1] == ("--output",) else None)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_compare_judges_differences(stub: Stub, capsys: CapSys) -> None:
    lines = told(FOUND, stub, capsys, "--output", "compare.html")
    shown = "\n".join(lines)
    for part in ("0.900 (0.850-0.950)", "0.930 (0.900-0.960)", "b was cut", "5e-05", "not set"):
        assert part in shown
    verdicts = {line.split()[0]: line.partition(")")[2].strip() for line in lines if line.split()[1:2] == ["b"]}
    assert verdicts["accuracy"] == "not significant"
    assert verdicts["f1"] == "significantly better"
    assert verdicts["mae"] == "significantly worse"
    assert "0.030 (-0.010 to 0.070)" in shown
    assert lines[-1].split() == ["page", "compare.html"]


def test_a_difference_without_an_interval_is_not_judged(stub: Stub, capsys: CapSys) -> None:
    difference = {"accuracy": {"b": {"value": 0.25, "low": None, "high": None}}}
    lines = told(FOUND | {"differences": difference}, stub, capsys)
    assert [line.split() for line in lines if line.split()[1:2] == ["b"]] == [["accuracy", "b", "0.250"]]
    assert "significant" not in "\n".join(lines)


def test_what_there_is_nothing_to_say_of_is_left_out(stub: Stub, capsys: CapSys) -> None:
    lines = told(FOUND | {"differences": {}, "notes": [], "recipes": {}, "page": None}, stub, capsys)
    assert [line.split()[0] for line in lines if not set(line) <= {"─", " "}] == ["metric", "accuracy", "f1", "mae"]


def test_as_json_the_comparison_is_one_object(stub: Stub, capsys: CapSys) -> None:
    (line,) = told(FOUND, stub, capsys, "--json")
    assert json.loads(line) == FOUND
