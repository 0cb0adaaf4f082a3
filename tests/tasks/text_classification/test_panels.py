"""Confusion, classes, calibration and errors of each kind of label."""

from typing import Any

import numpy as np
import pytest

from luthier.reporting.panels import (
    Bin,
    Confusion,
    Example,
    Examples,
    Panel,
    Reliability,
    Scatter,
    Score,
    Table,
    Tradeoff,
)
from luthier.tasks.text_classification.kinds import OneLabel, SeveralLabels
from luthier.tasks.text_classification.labels import Labels
from luthier.tasks.text_classification.number import Number
from luthier.tasks.text_classification.panels import MOST_ERRORS, judged, panels

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


FOUND = predictions(
    ["good", "good", "bad", "bad"],
    ["good", "bad", "bad", "good"],
    score=[0.95, 0.55, 0.65, 0.85],
    scores=[[0.05, 0.95], [0.55, 0.45], [0.65, 0.35], [0.15, 0.85]],
)
ALL = (Confusion, Table, Tradeoff, Tradeoff, Reliability, Examples)


def test_of_one_label_each_class_is_counted_against_each() -> None:
    confusion, table, *_ = drawn(ONE, FOUND, *ALL)
    assert (list(confusion.labels), confusion.counts) == (["bad", "good"], [[1, 1], [1, 1]])
    rows = [[cell.value if isinstance(cell, Score) else cell for cell in row] for row in table.rows]
    assert rows == [["bad", 0.5, 0.5, 0.5, 2, 2], ["good", 0.5, 0.5, 0.5, 2, 2]]


def test_confidences_are_held_against_what_was_right() -> None:
    reliability = drawn(ONE, FOUND, *ALL)[4]
    bins = [Bin(0.55, 0.0, 1), Bin(0.65, 1.0, 1), Bin(0.85, 0.0, 1), Bin(0.95, 1.0, 1)]
    assert reliability.bins == [
        Bin(pytest.approx(one.confidence), one.accuracy, one.count)  # type: ignore[arg-type]
        for one in bins
    ]
    assert reliability.error == pytest.approx((0.55 + 0.35 + 0.85 + 0.05) / 4)
    assert reliability.note == ""


def test_calibrated_scores_are_shown_beside_those_before() -> None:
    evidence = "fitted on the 99 validation rows: expected calibration error 0.300 -> 0.100"
    chosen = OneLabel(("bad", "good"), 1, temperature=2.0, calibrate=True, calibration=evidence)
    reliability = drawn(chosen, FOUND, *ALL)[4]
    plain = drawn(ONE, FOUND, *ALL)[4]
    assert (reliability.bins, reliability.error, plain.before) == (plain.bins, plain.error, None)
    assert reliability.note == f"Temperature 2.00, {evidence}."
    # The odds before were the square of those now; the last two fall into one bin.
    odds = np.array([0.55 / 0.45, 0.65 / 0.35, 0.85 / 0.15, 0.95 / 0.05]) ** 2
    first, second, *last = odds / (1 + odds)
    assert [one.confidence for one in reliability.before.bins] == pytest.approx([first, second, np.mean(last)])
    several = SeveralLabels(("bad", "good"), calibration="5 validation rows; a temperature needs at least 50")
    found = FOUND | {"gold": [["good"]] * 4, "prediction": [["good"]] * 4}
    (note,) = [panel.note for panel in panels(several, found, ["text"]) if isinstance(panel, Reliability)]
    assert note.endswith("is true. Not calibrated: 5 validation rows; a temperature needs at least 50.")


def test_the_surest_errors_come_first_with_their_texts() -> None:
    errors = drawn(ONE, FOUND, *ALL)[5]
    assert errors.examples == [
        Example([("text", "text 4")], "bad", "good", 0.85, "rows.csv", 4),
        Example([("text", "text 2")], "good", "bad", 0.55, "rows.csv", 2),
    ]
    assert errors.total == 2
    n = MOST_ERRORS + 7
    many = predictions(["good"] * n, ["bad"] * n, score=[0.5] * n, scores=[[0.5, 0.5]] * n)
    errors = drawn(ONE, many, Confusion, Table, Reliability, Examples)[3]
    assert (len(errors.examples), errors.total) == (MOST_ERRORS, MOST_ERRORS + 7)
    assert [one.row for one in errors.examples[:3]] == [1, 2, 3], "equals in their order"


def test_two_labels_have_a_curve_of_the_positive_one_with_the_threshold_in_use() -> None:
    chosen = OneLabel(("bad", "good"), 1, threshold=0.9, chosen="chosen for precision=1")
    for labels, place in ((ONE, (0.5, 0.5)), (chosen, (0.0, 0.5))):
        roc, precision = panels(labels, FOUND, ["text"])[2:4]
        assert isinstance(roc, Tradeoff) and isinstance(precision, Tradeoff)
        assert roc.area.value == 0.75 and precision.area.value == pytest.approx(5 / 6)
        assert roc.chosen == place and roc.chance == ((0, 0), (1, 1)) and precision.chance == ((0, 0.5), (1, 0.5))
        assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert roc.note == "For 'good'. Threshold 0.900, chosen for precision=1."
    none = OneLabel(("bad", "good"), 1, threshold=0.99)
    assert panels(none, FOUND, ["text"])[3].chosen is None, "no row is predicted positive"  # type: ignore[union-attr]


def test_there_is_no_curve_without_a_threshold_or_with_one_class_only() -> None:
    three = OneLabel(("bad", "good", "so-so"))
    found = predictions(["good", "bad"], ["good", "so-so"], score=[0.8, 0.6], scores=[[0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
    drawn(three, found, Confusion, Table, Reliability, Examples)
    alike = predictions(["good", "good"], ["good", "bad"], score=[0.8, 0.6], scores=[[0.2, 0.8], [0.6, 0.4]])
    drawn(ONE, alike, Confusion, Table, Reliability, Examples)


def test_a_pair_is_shown_with_both_of_its_texts() -> None:
    found = predictions(["good"], ["bad"], score=[0.7], scores=[[0.7, 0.3]], text_pair=["the other"])
    (example,) = panels(ONE, found, ["text", "text_pair"])[-1].examples  # type: ignore[union-attr]
    assert example.texts == [("text", "text 1"), ("text pair", "the other")]


def test_of_several_labels_each_has_its_own_scores_and_probability() -> None:
    found = predictions(
        *([["joy"], [], ["joy", "awe"]], [["joy"], ["awe"], ["joy", "awe"]]),
        scores=[[0.95, 0.05], [0.25, 0.75], [0.95, 0.75]],
        score=[0.9, 0.55, 0.7],
    )
    table, roc, precision, reliability, errors = drawn(SeveralLabels(("joy", "awe")), found, *ALL[1:])
    # Of the 9 pairs of a true and a false label, one has equal scores.
    assert roc.area.value == pytest.approx(8.5 / 9)
    assert roc.chosen == (pytest.approx(1 / 3), 1.0) and precision.chosen == (1.0, 0.75)
    assert roc.note == precision.note == "Over every label of every row. Threshold 0.500."
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


def test_how_rows_came_out_for_their_traces() -> None:
    found = judged(ONE, predictions(["bad", "good"], ["bad", "bad"], score=[0.9, 0.6], scores=[[0.9, 0.1], [0.6, 0.4]]))
    assert (found.right, found.scores, found.quote(1)) == ([True, False], [0.9, 0.6], ("good", "bad"))
    assert found.margins == pytest.approx([0.4, 0.1])
    three = judged(OneLabel(("a", "b", "c")), predictions(["a"], ["a"], score=[0.5], scores=[[0.5, 0.2, 0.3]]))
    assert three.margins == pytest.approx([0.2])
    labels = SeveralLabels(("joy", "awe"), threshold=0.4)
    several = judged(labels, predictions([["joy"]], [["joy", "awe"]], score=[0.3], scores=[[0.9, 0.45]]))
    assert (several.right, several.quote(0)) == ([False], ("joy", "joy, awe"))
    assert several.margins == pytest.approx([0.05])
    number = judged(Number(), predictions([1.0, 2.0], [1.5, 2.0]))
    assert (number.right, number.scores, number.score_name) == (None, [0.5, 0.0], "error")
