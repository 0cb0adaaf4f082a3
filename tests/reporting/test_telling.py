"""Which scored rows are traced: by what is right, how sure the model was, and how close it was to another answer."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import DamagedError
from luthier.reporting.telling import ROWS, Judged, TracedRow, quoted, telling_rows, traced_rows
from luthier.run_directory.run import Run


def judged(*rows: tuple[float | None, bool], **others: list[float]) -> Judged:
    return Judged([score for score, _ in rows], lambda i: ("", ""), [right for _, right in rows], **others)


def test_a_typical_right_answer_a_confident_error_and_the_closest_decision() -> None:
    rows = judged((0.9, True), (0.8, False), (0.99, False), (0.6, True), (0.7, True), (0.55, False))
    assert telling_rows(rows, range(6)) == {"right": 4, "error": 2, "close": 5}
    assert telling_rows(rows, [0, 3]) == {"right": 3, "close": 0}
    assert telling_rows(rows, [1]) == {"error": 1}
    assert telling_rows(rows, []) == {}


def test_the_margin_may_be_another_than_the_confidence() -> None:
    rows = judged((0.9, True), (0.8, True), (0.7, True), margins=[0.0, 0.5, 0.4])
    assert telling_rows(rows, range(3)) == {"right": 1, "close": 0}


def test_without_right_and_wrong_the_lowest_and_the_highest_score() -> None:
    losses = Judged([2.0, None, 0.5, float("nan"), 7.0], lambda i: ("", ""), score_name="loss of the reference")
    assert telling_rows(losses, range(5)) == {"best": 2, "worst": 4}
    assert telling_rows(losses, [1, 3]) == {}
    assert telling_rows(losses, [0]) == {"best": 0}
    assert TracedRow("worst", "a.csv", 1, "", "", 7.0, "error").title == "The highest error"


def test_the_most_confident_error_is_the_one_whose_wrong_part_is_surest() -> None:
    rows = judged((0.9, True), (0.4, False), (0.3, False), sureness=[0.0, 0.5, 0.8])
    assert telling_rows(rows, range(3)) == {"right": 0, "error": 2, "close": 1}


@given(st.lists(st.tuples(st.floats(0, 1) | st.none(), st.booleans()), max_size=12))
def test_rows_are_different_and_what_they_are_chosen_for(rows: list[tuple[float | None, bool]]) -> None:
    found = telling_rows(judged(*rows), range(len(rows)))
    assert len(set(found.values())) == len(found)
    answered = [i for i, (score, _) in enumerate(rows) if score is not None]
    assert set(found.values()) <= set(answered)
    assert ("right" in found) == any(rows[i][1] for i in answered)
    assert ("error" in found) == any(not rows[i][1] for i in answered)
    assert len(found) == min(len(answered), 1 + ("right" in found) + ("error" in found))


@pytest.mark.parametrize(
    ("answer", "text"),
    [("good", "good"), (["joy", "fear"], "joy, fear"), ([], ""), (2.5, "2.500"), (0.00042, "0.00042")],
)
def test_answers_are_quoted(answer: object, text: str) -> None:
    assert quoted(answer) == text


def test_only_rows_whose_page_is_there_are_linked(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert traced_rows(run) == []
    run.traces.mkdir()
    row = {"source": "a.csv", "row": 3, "gold": "x", "prediction": "y", "score": 0.5, "score_name": "confidence"}
    (run.traces / ROWS).write_text(json.dumps({"rows": [{"kind": "right", **row}, {"kind": "error", **row}]}))
    (run.traces / "error.html").write_text("")
    assert [one.title for one in traced_rows(run)] == ["The most confident error"]
    for damaged in ("{", "[1, 2]", '{"rows": [{"kind": "right"}]}', '{"rows": [3]}', '{"rows": 3}'):
        (run.traces / ROWS).write_text(damaged)
        with pytest.raises(DamagedError, match="damaged"):
            traced_rows(run)
