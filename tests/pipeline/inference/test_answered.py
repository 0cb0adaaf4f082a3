"""Rows with answers: every field of both is there, under names that are the same in every row."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.pipeline.inference.answered import SOMETIMES, Answered, with_answer
from tests.listener import Listener

NAMES = st.sampled_from(["text", "score", "input_score", "input_input_score", "prediction", "error", "tags"])
FIELDS = st.dictionaries(NAMES, st.integers(), max_size=6)


@given(FIELDS, FIELDS)
@settings(max_examples=200)
def test_nothing_is_lost(values: dict[str, int], answer: dict[str, int]) -> None:
    found = with_answer(values, answer)
    assert found.items() >= answer.items()
    others = {name: value for name, value in found.items() if name not in answer}
    assert list(others.values()) == list(values.values())
    assert all(name in values or name.startswith("input_") for name in others)


def test_a_field_that_is_called_like_one_of_the_answer_is_renamed_in_every_row_and_said_once() -> None:
    console = Listener()
    answered = Answered(console)
    answered.see([{"prediction": "good", "score": 0.9}])
    row: dict[str, Any] = {"id": 1, "score": 4, "error": "E7", "truncated": "no"}
    renamed = {"id": 1, "input_score": 4, "input_error": "E7", "input_truncated": "no"}
    for answer in ({"prediction": "good", "score": 0.9}, {"prediction": None, "error": "missing-text: ..."}):
        assert answered.row(row, answer) == renamed | answer
    assert [str(one) for one in console.decisions] == [
        "column names: 'score' -> 'input_score', 'error' -> 'input_error', 'truncated' -> 'input_truncated' "
        "(answers have fields of these names)"
    ]
    assert set(renamed) & set(SOMETIMES) == set()
