"""`luthier inspect`: the report on the data, and whether `luthier train` would stop."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub

INSPECTION: dict[str, Any] = {
    "task": "text-classification",
    "shape": "pair/one",
    "columns": {"text": "#1 String", "text_pair": "#2 String", "label": "Quality"},
    "rows": {"train": {"read": 4076, "kept": 4070, "skipped": {"empty text": 6}}},
    "labels": {"1": 2749, "0": 1321},
    "lengths": {"median": 53, "p95": 77, "max": 103, "truncated_share": 0.0},
    "findings": [],
    "decisions": [],
    "sample": {"rows": 4076, "of_rows": 5_100_000, "bytes": 3_100_000, "of_bytes": 1_000_000_000},
    "cost": {
        "low": 250.0,
        "high": 310.0,
        "parts": {"training": {"low": 200.0, "high": 240.0, "times": 510, "rows": 16}},
        "peak_memory_bytes": 1_200_000_000,
    },
}


def inspection(stops: bool) -> SimpleNamespace:
    return SimpleNamespace(to_dict=lambda: INSPECTION, stops=stops)


@pytest.mark.parametrize(("stops", "code"), [(False, 0), (True, 3)])
def test_inspect_says_whether_train_would_stop(stub: Stub, stops: bool, code: int, capsys: CapSys) -> None:
    calls = stub("inspect", inspect=inspection(stops))
    words = ["inspect", "a.tsv", "--task", "text-classification", "--no-cost", "--allow", "leak", "--device", "cpu"]
    assert main([*words, "--json"]) == code
    assert json.loads(capsys.readouterr().out) == INSPECTION
    assert calls["inspect"].args == (["a.tsv"],)
    assert calls["inspect"].kwargs["cost"] is False
    assert calls["inspect"].settings == {
        "task": "text-classification",
        "device": "cpu",
        "data.allow": ["leak"],
    }
    assert main(words) == code
    shown = capsys.readouterr().out
    parts = ["pair/one", "4,076", "4,070", "6 empty text", "67.5 %", "median 53", "5.1 M rows"]
    for part in [*parts, "4 min 10 s to 5 min 10 s", "1.2 GB", "510 x 16 rows"]:
        assert part in shown


def test_inspect_folds_many_labels(stub: Stub, capsys: CapSys) -> None:
    many = INSPECTION | {"labels": {f"label-{n}": 1 for n in range(40)}, "lengths": None, "cost": None}
    stub("inspect", inspect=SimpleNamespace(to_dict=lambda: many, stops=False))
    assert main(["inspect", "a.tsv"]) == 0
    shown = capsys.readouterr().out
    assert "and 28 more" in shown
    assert "label-12" not in shown


def test_the_options_of_inspect_are_those_of_train(stub: Stub) -> None:
    calls = stub("inspect", inspect=inspection(stops=False))
    words = "inspect a.tsv --from-scratch tiny --text a,b --valid v.csv --test t.csv --set seed=3"
    assert main(words.split()) == 0
    assert calls["inspect"].kwargs["cost"] is False
    assert main([*words.split(), "--cost"]) == 0
    assert calls["inspect"].kwargs["cost"] is True
    assert calls["inspect"].kwargs["all_rows"] is False
    assert main([*words.split(), "--cost", "--all"]) == 0
    assert calls["inspect"].kwargs["all_rows"] is True
    assert calls["inspect"].settings == {
        "model.from_scratch": "tiny",
        "data.columns.text": "a",
        "data.columns.text_pair": "b",
        "data.validation": ["v.csv"],
        "data.test": ["t.csv"],
        "seed": 3,
    }
