"""Read conversations in common formats, as messages with the roles system, user, assistant and tool."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from luthier.data.columns.transcripts import ANSWERING, ASKING, turns_in, without_end
from luthier.data.records import Fault, all_sound
from luthier.data.values import flag_in, is_missing, structured
from luthier.tasks.chat.marks import marked_learned
from luthier.tasks.chat.parts import not_text, text_in, without_tool_parts
from luthier.text import count, listing, shorten

Message = dict[str, Any]

ROLE_KEYS = ("role", "from", "speaker", "author", "sender")
CONTENT_KEYS = ("content", "value", "text", "message", "utterance", "parts")
_CALL_ROLES = ("function_call", "tool_call")
ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys((*ASKING, "person"), "user"),
    **dict.fromkeys((*ANSWERING, "bing", "bard"), "assistant"),
    **dict.fromkeys(_CALL_ROLES, "assistant"),
    **dict.fromkeys(
        ("tool", "observation", "function", "function_response", "function response", "tool_response", "ipython"),
        "tool",
    ),
}
_ORDER = ("system", "user", "assistant", "tool")  # in an exchange
_KEPT = ("name", "tool_call_id")  # optional keys of a message besides role, content, tool_calls and weight


def read_messages(
    values: Mapping[str, Any],
    columns: Mapping[str, str | list[str]],
    shape: str,
    *,
    transcripts: Collection[str] = (),
    replied: bool = True,
) -> list[Message] | Fault:
    """The messages of a row, or why it is skipped.

    Each is {"role", "content"}, with `tool_calls` if the assistant calls tools: {"type": "function", "function":
    {"name", "arguments"}}, arguments as an object. An assistant turn that is marked as not to be learned, in any of
    several formats, has `weight` 0, as in OpenAI's. Turns are kept as they are: two consecutive turns of one role are
    not merged, and the assistant may speak first.

    Args:
        values: Column to value.
        columns: Columns by role, as `recognise_chat` found them.
        shape: `messages`, `instruction` or `prompt`.
        transcripts: Roles whose texts are conversations, as `Human:` and `Assistant:` before the turns show.
        replied: Whether a reply to learn is required; False for prediction.
    """
    role, reply = {"messages": ("messages", ""), "instruction": ("instruction", "output")}.get(
        shape, ("prompt", "response")
    )

    def turns_of(role: str, speaker: str) -> list[Message] | Fault:
        cell = _cell(values, columns, role)
        if role in transcripts and isinstance(cell, str):
            return _transcript(cell, str(columns[role]))
        return _turns(cell, speaker)

    first = turns_of(role, "user")
    if isinstance(first, Fault):
        return first
    turns = first
    if reply:
        if shape == "instruction":
            turns = _with_input(first, _cell(values, columns, "input"))
        history = _history(_cell(values, columns, "history"))
        if isinstance(history, Fault):
            return history
        turns = history + turns
        if not any(_says(turn) for turn in turns):
            return Fault("empty-text", f"column {columns[role]!r} is empty")
        replies = turns_of(reply, "assistant")
        if isinstance(replies, Fault):
            return replies
        if role in transcripts:  # the reply may end with a control token, as the prompt's turns do
            replies = [turn | {"content": without_end(turn["content"])} for turn in replies]
        # Preference data repeats the prompt in each of the replies.
        turns = replies if any(turn["role"] == "user" for turn in replies) else turns + replies
    complete = _with_system(turns, values, columns)
    if isinstance(complete, Fault):
        return complete
    turns = complete
    if not turns:
        return Fault("empty-conversation", f"column {columns[role]!r} has no messages")
    if replied and not any(turn["role"] == "assistant" and _says(turn) for turn in turns):
        where = f"column {columns.get(reply, '')!r} is empty" if reply else f"the roles are {_roles(turns)}"
        return Fault("no-assistant-turn", f"no assistant turn: {where}")
    if replied and not any(is_learned(turn) and _says(turn) for turn in turns):
        return Fault("nothing-learned", "every assistant turn is marked as not to be learned")
    return turns


def undesirable(values: Mapping[str, Any], columns: Mapping[str, str | list[str]]) -> Fault | None:
    """Why a row is not learned if a column says so, as KTO's label does; None if it is learned.

    Args:
        values: Column to value.
        columns: Columns by role; `desirable` is true where the reply is good.
    """
    if "desirable" not in columns:
        return None
    cell = _cell(values, columns, "desirable")
    flag = flag_in(cell)
    if flag is None:
        return Fault(
            "unclear-flag", f"column {columns['desirable']!r} has {shorten(str(cell), 40)!r}, not true or false"
        )
    return None if flag else Fault("undesirable-reply", f"column {columns['desirable']!r} is false")


def is_learned(turn: Mapping[str, Any]) -> bool:
    """Whether a message is learned: an assistant turn that is not marked otherwise."""
    return turn["role"] == "assistant" and turn.get("weight") != 0


def is_exchange(value: Collection[str]) -> bool:
    """Whether the keys of an object name both sides of a conversation, each with its text: human and assistant."""
    roles = list(map(_role, value))
    return not {*ROLE_KEYS, *CONTENT_KEYS} & set(value) and roles.count("user") == roles.count("assistant") == 1


def read_tools(values: Mapping[str, Any], columns: Mapping[str, str | list[str]]) -> list[dict[str, Any]] | Fault:
    """The tools of a row, possibly none, each as {"type": "function", "function": {...}}, or why they are invalid.

    Args:
        values: Column to value.
        columns: Columns by role, as `recognise_chat` found them.
    """
    found, asked = _cell(values, columns, "tools"), _cell(values, columns, "prompt")
    if is_missing(found) and isinstance(asked, Mapping):  # OpenAI's preference data
        found = asked.get("tools")
    if is_missing(found) or found == []:
        return []
    tools = [found] if isinstance(found, Mapping) else found
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        return Fault("bad-tools", f"{shorten(str(found), 60)!r} is not a list of tools")
    return [dict(tool) if "function" in tool else {"type": "function", "function": tool} for tool in tools]


def _cell(values: Mapping[str, Any], columns: Mapping[str, str | list[str]], role: str) -> Any:
    """The value of a role's column; lists and objects written as text are parsed."""
    value = values.get(str(columns[role])) if role in columns else None
    if not isinstance(value, str):
        return _filled(value)
    found = structured(value)
    if role in ("messages", "tools", "history"):
        return found
    # A reply may itself be JSON, so only lists of messages are parsed.
    written = (
        isinstance(found, list) and found and all(isinstance(one, dict) and set(ROLE_KEYS) & set(one) for one in found)
    )
    return found if written and role in ("prompt", "response") else value


def _turns(cell: Any, speaker: str) -> list[Message] | Fault:
    """The messages in a cell: a list of messages, an OASST tree, alternating texts, or one text of the speaker.

    Lists may also hold pairs of a user's text and the assistant's answer, or objects with a text for each of them.
    """
    if isinstance(cell, Mapping) and "replies" in cell:
        return _turns(_path(cell), speaker)
    if isinstance(cell, Mapping) and isinstance(cell.get("messages"), list):
        return _turns(cell["messages"], speaker)
    if isinstance(cell, Mapping):
        return _turns([cell], speaker)
    if not isinstance(cell, list | tuple):
        return [] if is_missing(cell) else [{"role": speaker, "content": str(cell)}]
    if cell and all(isinstance(turn, str) for turn in cell):
        return [{"role": ("user", "assistant")[place % 2], "content": turn} for place, turn in enumerate(cell)]
    if cell and all(isinstance(turn, list | tuple) and len(turn) == 2 for turn in cell):
        pairs = (zip(("user", "assistant"), pair, strict=True) for pair in cell)
        cell = [{"role": role, "content": said} for pair in pairs for role, said in pair if not is_missing(said)]
    elif cell and all(isinstance(turn, Mapping) and is_exchange(turn) for turn in cell):
        # The keys of an object have no order that means something: Arrow and others sort them.
        sides = [(name, turn[name]) for turn in cell for role in _ORDER for name in turn if _role(name) == role]
        cell = [{"role": name, "content": said} for name, said in sides if not is_missing(said)]
    plain = ((one, place) for place, turn in enumerate(cell, start=1) for one in without_tool_parts(turn))
    return all_sound(_message(turn, place) for turn, place in plain)


def _transcript(text: str, column: str) -> list[Message] | Fault:
    """The messages of a conversation that is one text; where it ends with a speaker alone, that turn is to come."""
    turns = turns_in(text)
    if not turns:
        detail = f"column {column!r} is not split clearly by speakers or marks: {shorten(text.strip(), 40)!r}"
        return [] if is_missing(text) else Fault("unclear-turns", detail)
    if not turns[-1][1]:
        turns = turns[:-1]
    return [{"role": ROLES[name], "content": said} for name, said in turns]


def _message(turn: Any, place: int) -> Message | Fault:
    where = f"message {count(place)}"
    if not isinstance(turn, Mapping):
        return Fault("invalid-message", f"{where} is {shorten(str(turn), 40)!r}")
    said = next((str(turn[key]) for key in ROLE_KEYS if turn.get(key) is not None), "")
    role = _role(said)
    if role is None:
        return Fault("unknown-role", f"{where} has the role {said!r}; known: {listing(list(ROLES), 30)}")
    content = next((turn[key] for key in CONTENT_KEYS if turn.get(key) is not None), "")
    text = text_in(content)
    if text is None and (kind := not_text(content)):
        reason = f"{re.sub('[^a-z]+', '-', kind.lower())}-part"
        return Fault(reason, f"{where} has a part of type {kind!r}; remove such parts where the text makes sense alone")
    if text is None:
        return Fault("not-text", f"{where} holds something other than text")
    message: Message = {"role": role, "content": text}
    message |= {key: turn[key] for key in _KEPT if turn.get(key) is not None}
    marked = marked_learned(turn, where) if role == "assistant" else True
    if isinstance(marked, Fault):
        return marked
    message |= {} if marked else {"weight": 0}
    is_call = said.strip().lower() in _CALL_ROLES
    calls: Any = text if is_call else turn.get("tool_calls") or turn.get("function_call")
    if calls and role == "assistant":
        read = _calls(calls, where)
        if isinstance(read, Fault):
            return read
        message["tool_calls"] = read
        message["content"] = "" if is_call else text
    return message


def _calls(found: Any, where: str) -> list[dict[str, Any]] | Fault:
    """Tool calls: one or several, each an object with name and arguments, or the JSON of one."""
    value = structured(found)
    calls = []
    for call in value if isinstance(value, list) else [value]:
        function = structured(call.get("function", call)) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            return Fault("bad-tool-call", f"{where}: {shorten(str(found), 60)!r} names no function")
        arguments = structured(function.get("arguments", function.get("parameters")))
        arguments = {} if is_missing(arguments) else arguments
        if not isinstance(arguments, Mapping):
            return Fault("bad-tool-call", f"{where}: the arguments {shorten(str(arguments), 60)!r} are not an object")
        read = {"type": "function", "function": {"name": function["name"], "arguments": dict(arguments)}}
        calls.append(read | ({"id": call["id"]} if call.get("id") else {}))
    return calls or Fault("bad-tool-call", f"{where} calls nothing")


def _path(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The messages of a tree along its best replies: those of the lowest rank, or the first."""
    found = [tree]
    while replies := [reply for reply in found[-1].get("replies") or () if isinstance(reply, Mapping)]:
        found.append(min(replies, key=lambda reply: reply["rank"] if isinstance(reply.get("rank"), int) else 0))
    return found


def _with_system(
    turns: list[Message], values: Mapping[str, Any], columns: Mapping[str, str | list[str]]
) -> list[Message] | Fault:
    """Turns below the system message of a column of its own, if there is one and they have none."""
    system = _cell(values, columns, "system")
    if is_missing(system) or any(turn["role"] == "system" for turn in turns):
        return turns
    text = text_in(system)
    if text is None:
        return Fault("not-text", f"column {columns['system']!r} holds something other than text")
    named = turns_in(text)  # glaive's begins with SYSTEM:
    text = named[0][1] if [name for name, _ in named] == ["system"] else text
    return [{"role": "system", "content": text}, *turns]


def _with_input(turns: list[Message], more: Any) -> list[Message]:
    """Append Alpaca's input to its instruction, after a blank line."""
    if is_missing(more) or not turns:
        return turns if is_missing(more) else [{"role": "user", "content": str(more)}]
    return [*turns[:-1], turns[-1] | {"content": f"{turns[-1]['content']}\n\n{more}"}]


def _history(cell: Any) -> list[Message] | Fault:
    """Earlier turns, in any form of a list."""
    if isinstance(cell, list) or is_missing(cell):
        return _turns(cell, "user")
    return Fault("invalid-message", f"the history {shorten(str(cell), 60)!r} is not a list")


def _role(name: str) -> str | None:
    return ROLES.get(name.strip().lower())


def _says(turn: Message) -> bool:
    return not is_missing(turn["content"]) or bool(turn.get("tool_calls"))


def _roles(turns: Sequence[Message]) -> str:
    return listing(list(dict.fromkeys(turn["role"] for turn in turns)))


def _filled(value: Any) -> Any:
    """A value without the empty keys that Arrow adds to give all rows the same keys."""
    if isinstance(value, Mapping):
        return {key: _filled(cell) for key, cell in value.items() if cell is not None}
    return [_filled(item) for item in value] if isinstance(value, list | tuple) else value
