"""Contents of messages that are lists of typed parts, as OpenAI, Anthropic, Google and others write them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from luthier.data.values import structured

# Parts and keys of messages with what a model thinks before it speaks, which is not learned.
REASONING = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")
_REFUSAL, _CALL, _RESULT = "refusal", "tool_use", "tool_result"


def text_in(content: Any) -> str | None:
    """The text of a content, whose parts are joined; None if a part is not text, such as an image.

    An object that is no part is written as JSON; some files write lists of parts as JSON, too.
    """
    if isinstance(content, str) and content.lstrip().startswith('[{"type"'):
        written = structured(content)
        parts = isinstance(written, list) and all(_text_of(part) is not None for part in written)
        return text_in(written) if parts else content  # a reply may itself be JSON
    if isinstance(content, Mapping):
        if isinstance(content.get("parts"), list):  # ChatGPT's exports
            return text_in(content["parts"])
        is_part = "text" in content and {"type", "content_type"} & content.keys()
        return _text_of(content) if is_part else json.dumps(content, ensure_ascii=False)
    if not isinstance(content, list):
        return str(content)
    texts = [_text_of(part) for part in content if _kind(part) not in REASONING]
    return None if None in texts else "".join(map(str, texts))


def not_text(content: Any) -> str:
    """The kind of the first part of a content that is no text, such as `image_url`; empty if it has no kind."""
    parts = content if isinstance(content, list) else [content]
    said = ("", "text", *REASONING)
    return next((_kind(part) for part in parts if _text_of(part) is None and _kind(part) not in said), "")


def without_tool_parts(turn: Any) -> Iterator[Any]:
    """A message as those that it is in OpenAI's form: Anthropic's tool calls and their results are parts of a content.

    Results come first, each as a message of the tool.
    """
    content = turn.get("content") if isinstance(turn, Mapping) else None
    kinds = set(map(_kind, content)) if isinstance(content, list) else set()
    if not isinstance(content, list) or not kinds & {_CALL, _RESULT}:
        yield turn
        return
    results = [part for part in content if _kind(part) == _RESULT]
    calls = [part for part in content if _kind(part) == _CALL]
    others = [part for part in content if _kind(part) not in (_CALL, _RESULT)]
    for part in results:
        result = part.get("content")
        yield {"role": "tool", "tool_call_id": part.get("tool_use_id"), "content": "" if result is None else result}
    if calls:
        called = [{"id": part.get("id"), "name": part.get("name"), "arguments": part.get("input")} for part in calls]
        yield {**turn, "content": others, "tool_calls": called}
    elif others:
        yield {**turn, "content": others}


def reasoning_in(turns: Any) -> set[str]:
    """The kinds of reasoning in messages."""
    held = [turn for turn in turns if isinstance(turn, Mapping)] if isinstance(turns, list | tuple) else []
    keys = {key for turn in held for key in REASONING if turn.get(key)}
    return keys | {kind for turn in held for kind in map(_kind, _parts(turn)) if kind in REASONING}


def _parts(turn: Mapping[str, Any]) -> Iterable[Any]:
    content = turn.get("content")
    return content if isinstance(content, list | tuple) else []


def _kind(part: Any) -> str:
    kind = (part.get("type") or part.get("content_type")) if isinstance(part, Mapping) else None
    return str(kind or "")


def _text_of(part: Any) -> str | None:
    """The text of a part, which may be an object with a value; None if it has none."""
    text = part.get(_REFUSAL if _kind(part) == _REFUSAL else "text") if isinstance(part, Mapping) else part
    text = text.get("value") if isinstance(text, Mapping) else text
    return text if isinstance(text, str) else None
