"""A comparison of runs in a terminal and in a repr: scores, verdicts, notes and settings, where there are any."""

from typing import Any

from luthier.reporting.terminal.comparison import comparison_pieces
from luthier.reporting.terminal.display import Fields, Grid


def entry(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "greater_is_better": True}


FOUND: dict[str, Any] = {
    "runs": ["a", "b"],
    "metrics": {"accuracy": {"a": entry(0.9, 0.85, 0.95), "b": entry(0.93)}, "f1": {"b": entry(0.8)}},
    "differences": {"accuracy": {"b": {"value": 0.03, "low": 0.01, "high": 0.07}}},
    "notes": ["b was cut"],
    "recipes": {"seed": {"a": 5, "b": None}},
    "page": "compare.html",
}


def test_a_comparison_is_tables_notes_and_a_page() -> None:
    scores, differences, note, settings, page = comparison_pieces(FOUND)
    assert isinstance(scores, Grid) and isinstance(differences, Grid) and isinstance(settings, Grid)
    assert scores.rows == [["accuracy", "0.900 (0.850-0.950)", "0.930"], ["f1", "", "0.800"]]
    assert differences.rows == [["accuracy", "b", "0.030 (0.010-0.070)", "significantly better"]]
    assert settings.rows == [["seed", "5", "not set"]]
    assert (note, page) == ("b was cut", Fields([("page", "compare.html")]))


def test_what_there_is_nothing_to_say_of_is_left_out() -> None:
    (scores,) = comparison_pieces(FOUND | {"differences": {}, "notes": [], "recipes": {}, "page": None})
    assert isinstance(scores, Grid) and list(scores.columns) == ["metric", "a", "b"]
