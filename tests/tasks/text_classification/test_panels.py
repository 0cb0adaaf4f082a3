"""Confusion, classes, calibration and errors of each kind of label."""

from typing import Any

import pytest

from luthier.reporting.panels import Bin, Confusion, Example, Examples, Panel, Reliability, Scatter, Score, Table
from luthier.tasks.text_classification.kinds import Number, OneLabel, SeveralLabels
from luthier.tasks.text_classification.labels import Labels
from luthier.tasks.text_classification.panels import MOST_ERRORS, panels

ONE = OneLabel(("bad", "good"), 1)


def predictions(gold: list[Any], said: list[Any], **columns: list[Any]) -> dict[str, list[Any]]:
    """A predictions file of texts that name their row."""
    n = len(gold)
    places = {"source": ["rows.csv"] * n, "row": list(range(1, n + 1)), "text": [f"text {i}" for i in range(1, n + 1)]}
    return {**places, "gold": gold, "prediction": said, **columns}


def drawn(labels: Labels, found: dict[str, list[Any]], *kinds: type[Panel]) -> list[Any]:
    """The panels, of these kinds and no other."""
    made = panels(labels, found, ["text"])
    assert [type(panel) for panel in made] == list(kinds)
    return made


FOUND = predictions(["good", "good", "bad", "bad"], ["good", "bad", "bad", "good"], score=[0.95, 0.55, 0.65, 0.85])


def test_of_one_label_each_class_is_counted_against_each() -> None:
    confusion, table, _, _ = drawn(ONE, FOUND, Confusion, Table, Reliability, Examples)
    assert (list(confusion.labels), confusion.counts) == (["bad", "good"], [[1, 1], [1, 1]])
    rows = [[cell.value if isinstance(cell, Score) else cell for cell in row] for row in table.rows]
    assert rows == [["bad", 0.5, 0.5, 0.5, 2, 2], ["good", 0.5, 0.5, 0.5, 2, 2]]


def test_confidences_are_held_against_what_was_right() -> None:
    reliability = drawn(ONE, FOUND, Confusion, Table, Reliability, Examples)[2]
    bins = [Bin(0.55, 0.0, 1), Bin(0.65, 1.0, 1), Bin(0.85, 0.0, 1), Bin(0.95, 1.0, 1)]
    assert reliability.bins == [
        Bin(pytest.approx(one.confidence), one.accuracy, one.count)  # type: ignore[arg-type]
        for one in bins
    ]
    assert reliability.error == pytest.approx((0.55 + 0.35 + 0.85 + 0.05) / 4)
    assert reliability.note == ""


def test_the_surest_errors_come_first_with_their_texts() -> None:
    errors = drawn(ONE, FOUND, Confusion, Table, Reliability, Examples)[3]
    assert errors.examples == [
        Example([("text", "text 4")], "bad", "good", 0.85, "rows.csv", 4),
        Example([("text", "text 2")], "good", "bad", 0.55, "rows.csv", 2),
    ]
    assert errors.total == 2
    many = predictions(["good"] * (MOST_ERRORS + 7), ["bad"] * (MOST_ERRORS + 7), score=[0.5] * (MOST_ERRORS + 7))
    errors = drawn(ONE, many, Confusion, Table, Reliability, Examples)[3]
    assert (len(errors.examples), errors.total) == (MOST_ERRORS, MOST_ERRORS + 7)
    assert [one.row for one in errors.examples[:3]] == [1, 2, 3], "equals in their order"


def test_a_pair_is_shown_with_both_of_its_texts() -> None:
    found = predictions(["good"], ["bad"], score=[0.7], text_pair=["the other"])
    (example,) = panels(ONE, found, ["text", "text_pair"])[-1].examples  # type: ignore[union-attr]
    assert example.texts == [("text", "text 1"), ("text pair", "the other")]


def test_of_several_labels_each_has_its_own_scores_and_probability() -> None:
    found = predictions(
        *([["joy"], [], ["joy", "awe"]], [["joy"], ["awe"], ["joy", "awe"]]),
        scores=[[0.95, 0.05], [0.25, 0.75], [0.95, 0.75]],
        score=[0.9, 0.55, 0.7],
    )
    table, reliability, errors = drawn(SeveralLabels(("joy", "awe")), found, Table, Reliability, Examples)
    rows = [[cell.value if isinstance(cell, Score) else cell for cell in row] for row in table.rows]
    assert rows == [["joy", 1.0, 1.0, 1.0, 2, 2], ["awe", 0.5, 1.0, pytest.approx(2 / 3), 1, 2]]
    # Of the two labels with 0.75 one holds, both with 0.95 do, and neither of the unlikely ones.
    assert [(one.confidence, one.accuracy, one.count) for one in reliability.bins] == [
        *[(pytest.approx(0.05), 0.0, 1), (pytest.approx(0.25), 0.0, 1)],
        *[(pytest.approx(0.75), 0.5, 2), (pytest.approx(0.95), 1.0, 2)],
    ]
    assert reliability.note
    (example,) = errors.examples
    assert (example.gold, example.prediction, example.row) == ([], ["awe"], 2)


def test_numbers_are_held_against_the_right_ones_and_the_farthest_come_first() -> None:
    found = predictions([1.0, 2.0, 3.0], [1.5, 2.0, 0.123456], score=[None] * 3)
    scatter, errors = drawn(Number(), found, Scatter, Examples)
    assert (scatter.gold, scatter.predicted) == ([1.0, 2.0, 3.0], [1.5, 2.0, 0.123456])
    assert [(one.row, one.score) for one in errors.examples] == [(3, pytest.approx(2.876544)), (1, 0.5), (2, 0.0)]
    assert (errors.examples[0].gold, errors.examples[0].prediction) == ("3", "0.123")
    assert (errors.total, errors.score_name) == (3, "error")


@pytest.mark.parametrize("labels", [ONE, SeveralLabels(("joy",)), Number()])
def test_without_rows_there_is_nothing_to_show(labels: Labels) -> None:
    assert panels(labels, predictions([], []), ["text"]) == []
