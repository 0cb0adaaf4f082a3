"""Answers by kind, and the errors in their contexts."""

import json
from typing import Any

import pytest

from luthier.reporting.panels import Mark, Reliability, SideBySide, Table
from luthier.tasks.question_answering.panels import KINDS, MOST_SHOWN, judged, panels

CONTEXT = "Anna made it in Cremona, and Paul bought it in Paris."


def predictions(*answers: tuple[str, list[str], float | None]) -> dict[str, list[Any]]:
    """A predictions file of prediction, gold answers and confidence."""
    n = len(answers)
    return {
        **{"source": ["rows.csv"] * n, "row": list(range(1, n + 1)), "question": ["where?"] * n},
        **{"context": [CONTEXT] * n, "prediction": [said for said, _, _ in answers]},
        "start": [CONTEXT.find(said) if said else None for said, _, _ in answers],
        **{"gold": [gold for _, gold, _ in answers], "score": [score for _, _, score in answers]},
    }


def drawn(*answers: tuple[str, list[str], float | None]) -> tuple[Table, SideBySide]:
    table, calibration, errors = panels(predictions(*answers))
    assert isinstance(table, Table) and isinstance(calibration, Reliability) and isinstance(errors, SideBySide)
    return table, errors


def test_every_kind_of_answer_is_counted() -> None:
    table, _ = drawn(
        *(("Cremona", ["Cremona"], 0.9), ("cremona.", ["Paris", "Cremona"], 0.9), ("", [], 0.9)),
        *(("in Cremona", ["Cremona"], 0.8), ("Paris", ["Cremona"], 0.7), ("Paris", [], 0.6), ("", ["Paris"], 0.5)),
        ("Paul", [""], 0.4),
    )
    counts = dict(zip(KINDS, (3, 1, 1, 2, 1), strict=True))
    assert [tuple(row) for row in table.rows] == [(kind, n, 12.5 * n) for kind, n in counts.items()]


def test_the_calibration_is_that_of_exact_matches() -> None:
    (_, calibration, _) = panels(
        predictions(("Cremona", ["Cremona"], 0.95), ("Paris", ["Cremona"], 0.95), ("", [], None))
    )
    assert isinstance(calibration, Reliability)
    assert [(one.confidence, one.accuracy, one.count) for one in calibration.bins] == [(0.0, 1.0, 1), (0.95, 0.5, 2)]


def test_a_kind_that_does_not_occur_has_no_row() -> None:
    table, errors = drawn(("Cremona", ["Cremona"], 0.9))
    assert [tuple(row) for row in table.rows] == [("right", 1, 100.0)]
    assert (errors.pairs, errors.total) == ([], 0)


def test_without_rows_there_is_nothing_to_show() -> None:
    assert panels(predictions()) == []


def test_the_surest_errors_come_first_and_equals_in_their_order() -> None:
    _, errors = drawn(
        *(("Paul", ["Anna"], 0.2), ("Paris", ["Anna"], None), ("Anna", ["Anna"], 0.99)),
        *(("Cremona", ["Anna"], 0.8), ("", ["Anna"], 0.2)),
    )
    assert [pair.row for pair in errors.pairs] == [4, 1, 5, 2]
    assert errors.total == 4


@pytest.mark.parametrize(
    ("said", "gold", "marks"),
    [
        ("Paris", ["Anna", "Paul"], [Mark(0, 4, "gold"), Mark(47, 52, "predicted")]),
        ("Anna", ["Paris"], [Mark(0, 4, "predicted"), Mark(47, 52, "gold")]),
        ("", ["Paris"], [Mark(47, 52, "gold")]),
        ("Paris", [], [Mark(47, 52, "predicted")]),
        ("Paris", ["nowhere"], [Mark(47, 52, "predicted")]),
    ],
)
def test_both_answers_are_marked_where_they_stand(said: str, gold: list[str], marks: list[Mark]) -> None:
    (pair,) = drawn((said, gold, 0.5))[1].pairs
    assert (pair.texts, pair.gold, pair.prediction) == ([("question", "where?"), ("context", CONTEXT)], gold, said)
    assert pair.marks == marks
    assert all(CONTEXT[mark.start : mark.end] in (said, *gold) for mark in pair.marks)


def test_of_many_errors_some_are_shown_and_all_are_counted() -> None:
    _, errors = drawn(*[("Paris", ["Anna"], 0.5)] * (MOST_SHOWN + 5))
    assert (len(errors.pairs), errors.total) == (MOST_SHOWN, MOST_SHOWN + 5)


def test_how_rows_came_out_for_their_traces() -> None:
    shares = [json.dumps([{"score": 0.6}, {"score": 0.35}]), json.dumps([{"score": 0.5}])]
    columns = {**predictions(("Cremona", ["Cremona"], 0.6), ("", ["Paris"], 0.5)), "n_best": shares}
    found = judged(columns, unanswerable=False)
    assert (found.right, found.scores, found.quote(1)) == ([True, False], [0.6, 0.5], ("Paris", "no answer"))
    assert found.margins == pytest.approx([0.25, 1.0])
    assert judged(columns, unanswerable=True).margins is None
