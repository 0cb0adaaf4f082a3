"""Marks of a turn: known keys, and flags by the words of their names; never a guess."""

from typing import Any

import pytest

from luthier.data.records import Fault
from luthier.tasks.chat.marks import LEARNED_KEYS, MASKED_KEYS, is_mark, marked_learned


@pytest.mark.parametrize(
    ("mark", "no"),
    [
        *((mark, False) for mark in (*LEARNED_KEYS, "train_on_turn", "shouldTrain", "compute_loss", "in_loss")),
        *((mark, 1) for mark in (*MASKED_KEYS, "exclude", "skip_loss", "no_loss", "not_trained", "ignored_in_loss")),
        ("do_not_skip", "false"),
    ],
)
def test_flags_are_marks_by_the_words_of_their_names(mark: str, no: Any) -> None:
    yes = {"false": "true"}.get(no, not no)
    assert is_mark(mark)
    assert marked_learned({"content": "Hi", mark: no}, "message 1") is False
    assert marked_learned({"content": "Hi", mark: yes}, "message 1") is True
    assert marked_learned({mark: yes, "weight": 0}, "message 1") is False
    assert marked_learned({mark: None}, "message 1") is True


def test_what_only_sounds_like_a_mark() -> None:
    others = {"loss_value": 0.53, "training_date": "2024", "approved": False, "no": 1, "trains": 0, "weight_kg": 2}
    assert marked_learned(others, "message 1") is True
    assert not any(map(is_mark, ("approved", "no", "trains", "weight_kg", "content", "role")))


@pytest.mark.parametrize(("mark", "value"), [("mask", 1), ("mask_loss", True), ("weight", 0.5), ("train_detail", [1])])
def test_unclear_marks(mark: str, value: Any) -> None:
    fault = marked_learned({mark: value}, "message 7")
    assert isinstance(fault, Fault)
    assert fault.reason == "unclear-weight"
    assert fault.detail.startswith(f"message 7 has {mark} ")
    assert "weight 0" in fault.detail
