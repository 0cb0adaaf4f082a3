"""What is beside conversations and may say what is to be learned."""

from typing import Any

import pytest

from luthier.tasks.chat.unread import judgements, may_be_desirable, other_flags, reasoning, unclear_marks
from tests.tasks.by_hand import profiles_of

READ: dict[str, str | list[str]] = {"prompt": "prompt", "response": "response"}


def beside(shape: str = "prompt", /, **columns: list[Any]) -> list[str]:
    rows = [
        {"prompt": f"what is {i}", "response": f"it is {i}"}
        | {name: cells[i % len(cells)] for name, cells in columns.items()}
        for i in range(12)
    ]
    return judgements(profiles_of(rows), READ, shape)


def test_flags_and_scores_judge_replies() -> None:
    assert beside(label=[True, False], is_toxic=[1, 0, 1], score=[0.5, 2, 3]) == ["label", "is_toxic", "score"]
    assert beside("instruction", rating=[1, 5, 3]) == ["rating"]
    assert beside("messages", rating=[1, 5, 3]) == []
    assert beside(topic=["a", "b"], turns=[3, 4], good=[True], score_rejected=[1, 2], redacted=[0, 1], id=[0, 1]) == []


def test_flags_that_judge_nothing_are_named() -> None:
    rows = [{"messages": [], "redacted": i % 2, "label": i % 2, "verified": i % 2, "n": i} for i in range(4)]
    assert other_flags(profiles_of(rows), {"messages": "messages"}) == ["redacted"]


@pytest.mark.parametrize(("name", "good"), [("label", True), ("is_good", True), ("kto_tag", True), ("toxic", False)])
def test_a_flag_may_say_that_a_reply_is_bad(name: str, good: bool) -> None:
    assert may_be_desirable(profiles_of([{name: i % 2 == 0} for i in range(4)])[name]) is good


def test_reasoning_is_counted() -> None:
    rows = [{"m": [{"role": "assistant", "content": "x"} | ({"reasoning": "?"} if i else {})]} for i in range(4)]
    (line,) = reasoning(profiles_of(rows)["m"])
    assert ("'reasoning'" in line.value, line.why.startswith("reasoning, in 3 of 4 rows")) == (True, True)


def test_speakers_beside_plain_texts_are_asked_about() -> None:
    rows = [{"dialog": ["Hi", "Hello"] * (i + 1), "speakers": ["Ada", "Bo"] * (i + 1)} for i in range(4)]
    assert "'speakers' has a text for each message" in unclear_marks(profiles_of(rows), profiles_of(rows)["dialog"])
    assert unclear_marks(profiles_of([{"dialog": ["Hi"]}] * 4), profiles_of([{"dialog": ["Hi"]}] * 4)["dialog"]) == ""
