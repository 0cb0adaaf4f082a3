"""Contents of messages as lists of typed parts: their text, their kinds, and messages of tools among them."""

from typing import Any

import pytest

from luthier.tasks.chat.parts import not_text, reasoning_in, text_in, without_tool_parts

TEXT: dict[str, Any] = {"type": "text", "text": "Hi"}
IMAGE = {"type": "image_url", "image_url": {"url": "x"}}
THOUGHT = {"type": "thinking", "thinking": "?", "signature": "x"}


@pytest.mark.parametrize(
    ("content", "text", "kind"),
    [
        ("Hi", "Hi", ""),
        ([TEXT, "!"], "Hi!", ""),
        ([THOUGHT, TEXT, {"type": "redacted_thinking", "data": "x"}], "Hi", ""),
        ([THOUGHT], "", ""),
        ([{"type": "refusal", "refusal": "No"}], "No", ""),
        ([THOUGHT, IMAGE], None, "image_url"),
        ([{"type": "text", "text": 3}], None, ""),
        ([{"no": "kind"}], None, ""),
    ],
)
def test_texts_and_kinds_of_parts(content: Any, text: str | None, kind: str) -> None:
    assert text_in(content) == text
    assert text is not None or not_text(content) == kind


def test_messages_without_tool_parts_stay_as_they_are() -> None:
    for turn in ({"role": "user", "content": "Hi"}, {"role": "user", "content": [TEXT, IMAGE]}, "Hi", None):
        assert list(without_tool_parts(turn)) == [turn]
    alone = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]}
    assert list(without_tool_parts(alone)) == [{"role": "tool", "tool_call_id": "c", "content": ""}]


def test_reasoning_is_named() -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [THOUGHT, TEXT]}]
    assert reasoning_in([*turns, {"reasoning_content": "?", "reasoning": ""}]) == {"thinking", "reasoning_content"}
    assert reasoning_in(turns[:1]) == reasoning_in(None) == reasoning_in(["Hi"]) == set()
