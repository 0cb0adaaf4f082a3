"""What a model writes beside what is right: which rows are shown, and with what."""

from typing import Any

import pytest

from luthier.reporting.panels import Pair, SideBySide
from luthier.tasks.generation.panels import MOST_SHOWN, judged, panels


def predictions(*written: str | None, **columns: list[Any]) -> dict[str, list[Any]]:
    """The columns of a predictions file; inputs and other values by name."""
    n = len(written)
    places: dict[str, list[Any]] = {"source": ["rows.csv"] * n, "row": list(range(1, n + 1))}
    found = places | columns | {"gold": ["right"] * n, "prediction": list(written), "nll": [6.0] * n, "tokens": [4] * n}
    return found | {"bytes": [9] * n} | columns


def shown(found: dict[str, list[Any]], note: str = "") -> SideBySide:
    (panel,) = panels(found, note)
    assert isinstance(panel, SideBySide)
    return panel


def test_a_row_is_shown_with_its_inputs_its_answers_and_its_loss() -> None:
    found = shown(predictions("it ends", question=["who?"], context=["a town"], gold=[["right", "true"]]))
    assert found.pairs == [
        Pair([("question", "who?"), ("context", "a town")], ["right", "true"], "it ends", 1.5, "rows.csv", 1)
    ]
    assert (found.total, found.note) == (1, "")


def test_rows_for_which_nothing_was_generated_are_left_out_and_empty_answers_are_not() -> None:
    found = shown(predictions(None, "b", None, "", prompt=["p", "q", "r", "s"]))
    assert [(pair.row, pair.prediction, pair.texts) for pair in found.pairs] == [
        *((2, "b", [("prompt", "q")]), (4, "", [("prompt", "s")])),
    ]
    assert found.total == 2


@pytest.mark.parametrize("found", [predictions(None, None), predictions(), {"gold": ["right"]}])
def test_without_answers_there_is_no_panel(found: dict[str, list[Any]]) -> None:
    assert panels(found) == []


def test_a_right_text_without_a_token_has_no_loss() -> None:
    assert shown(predictions("a", tokens=[0], nll=[0.0])).pairs[0].score is None


@pytest.mark.parametrize(
    ("n", "rows"),
    [
        (MOST_SHOWN, list(range(1, MOST_SHOWN + 1))),
        (MOST_SHOWN + 1, list(range(1, MOST_SHOWN + 2, 2))),
        (100, list(range(1, 101, 3))),
    ],
)
def test_of_many_rows_some_are_shown_evenly_spread_and_this_is_told(n: int, rows: list[int]) -> None:
    found = shown(predictions(*(["a"] * n)), note="BLEU: exp")
    assert [pair.row for pair in found.pairs] == rows
    assert found.total == n
    lines = found.note.split("\n")
    assert lines[0] == "BLEU: exp"
    assert len(lines) == (1 if n <= MOST_SHOWN else 2)


def test_how_rows_came_out_for_their_traces() -> None:
    found = judged(predictions("a", None, gold=[["right", "true"], ["b"]]))
    assert found is not None
    assert (found.right, found.scores, found.score_name) == (None, [1.5, None], "loss of the reference")
    assert found.quote(0) == ("right", "a")
    assert judged({"gold": ["right"]}) is None
