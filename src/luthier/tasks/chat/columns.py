"""Recognise the columns of conversations: lists of messages, instructions with outputs, prompts with responses."""

from collections.abc import Collection, Sequence

from luthier.data.columns.metadata import is_about, is_metadata
from luthier.data.columns.profile import ColumnProfile, Recognition, is_id, is_split, words_of
from luthier.data.columns.roles import (
    Columns,
    Given,
    Profiles,
    asked,
    by_name,
    is_named,
    is_prose,
    is_structured,
    said,
    several,
    there_are,
    unused,
    with_split,
)
from luthier.data.columns.transcripts import SPEAKERS
from luthier.data.values import structured
from luthier.findings import Decision
from luthier.tasks.chat.messages import CONTENT_KEYS, ROLE_KEYS, ROLES, is_exchange
from luthier.tasks.chat.unread import (
    judgements,
    may_be_desirable,
    other_flags,
    reasoning,
    unclear_judgement,
    unclear_marks,
    unread_flags,
)

TASK = "chat"
SHAPES = ("messages", "instruction", "prompt")
# Best first.
MESSAGE_NAMES = (
    *("messages", "conversations", "conversation", "dialog", "dialogue", "chat", "turns", "utterances", "prompt"),
    *("dialogs", "dialogues", "history", "contents"),
)
INSTRUCTION_NAMES = ("instruction", "instructions")
INPUT_NAMES = ("input", "inputs", "context", "input text")
OUTPUT_NAMES = ("output", "outputs", "response", "completion", "answer", "target", "reply")
PROMPT_NAMES = ("prompt", "question", "instruction", "query", "input", "user", "human", "message")
RESPONSE_NAMES = (
    *("response", "completion", "reply", "assistant", "output", "answer", "chosen", "bot", "gpt"),
    *("chosen response", "model output", "generation", "preferred output"),
)
SYSTEM_NAMES = ("system", "system prompt", "system message", "system instruction")
TOOL_NAMES = ("tools", "functions")
HISTORY_NAMES = ("history",)
_ROLES = {
    "messages": (["messages"], ""),
    "instruction": (["instruction", "input"], "output"),
    "prompt": (["prompt"], "response"),
}
_OF_ANY_SHAPE = ("system", "tools", "history", "desirable")
_TOLD = {SPEAKERS: "texts with a speaker before each turn"}
_MARKED = "texts with {}'s marks, which give way to those of the model's own chat template"
_SURE = 0.7  # confidence above which what judges the replies is asked about
_ASKED = 0.96  # confidence of a reading that is asked about: above that of classes of its texts
_PAIR = 0.6  # confidence of a question and an answer by their names
_ASKING = 0.95  # minimum share of the conversations that end with the user, for a column of prompts


def recognise_chat(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find conversations, in one of three shapes.

    `messages`: role `messages`. `instruction` (Alpaca): roles `instruction`, `input`, `output`, `history`. `prompt`:
    roles `prompt`, `response`. Each has `system` and `tools` too, if there are such columns.

    Arguments and errors as in `Task.recognise`; `text` stands for the user's text and `label` for the reply.
    """
    finders = {"messages": _messages, "instruction": _instruction, "prompt": _prompt}
    found = [finder(profiles, given) for name, finder in finders.items() if shape in (None, name)]
    return max(filter(None, found), key=lambda recognition: recognition.confidence, default=None)


def likely(profiles: Profiles) -> list[Columns]:
    """The columns that may have been meant: texts some of which are conversations, replies, or judged replies."""
    found: list[Columns] = [{"messages": name} for name, column in profiles.items() if is_transcript(column)]
    best = recognise_chat(profiles, given={}, shape=None)
    if best is not None and best.shape == "messages" and is_messages(profiles[str(best.columns["messages"])]):
        first = str(best.columns["messages"])
        others = _conversations(profiles, first)
        found += [{"messages": name} for name in (first, *others)] if others else []
    replies = [name for name in by_name(profiles, RESPONSE_NAMES, _may_be_text) if is_named(name, RESPONSE_NAMES)]
    prompts = {one.name: one.mean_chars for one in profiles.values() if _may_be_text(one) and not is_about(one)}
    if best is None and replies and len(prompts) > 1:
        prompts.pop(replies[0], None)
        found.append({"prompt": max(prompts, key=lambda name: prompts[name]), "response": replies[0]})
    judged = judgements(profiles, best.columns, best.shape) if best is not None and best.confidence >= _PAIR else []
    if best is None or not judged:
        return found
    columns = {role: name for role, name in best.columns.items() if role in (*SHAPES, "input", "output", "response")}
    good = [name for name in judged[:1] if may_be_desirable(profiles[name])]
    return [*found, *(columns | {"desirable": name} for name in good), columns]


def why_not(profiles: Profiles) -> str:
    """Explain that there are no conversations, and say what each column holds."""
    if {"message_id", "parent_id", "text"} <= profiles.keys():
        return "each row is one message of a tree (message_id, parent_id): pass one whole tree or conversation per row"
    return f"no list of messages, no instruction with an output and no prompt with a response: {there_are(profiles)}"


def is_messages(column: ColumnProfile) -> bool:
    """Whether a column holds lists of messages with role and content, objects with one, or trees as in OASST.

    A list may also hold exchanges, objects with a text for each side: human and assistant.
    """
    keys = column.structure.keys
    if column.structure.item not in ("object", "") or not keys:
        return False
    if column.structure.item == "":
        held = "messages" in keys and column.structure.inner & set(ROLE_KEYS)
        return {"text", "role", "replies"} <= keys or bool(held)
    return _are_of_messages(keys) or is_exchange(keys)


def _are_of_messages(keys: Collection[str]) -> bool:
    return bool(set(keys) & set(ROLE_KEYS)) and bool(set(keys) & {*CONTENT_KEYS, "tool_calls"})


def is_transcript(column: ColumnProfile | None) -> bool:
    """Whether a column holds conversations as texts, with `Human:` and `Assistant:` or other marks before the turns."""
    return column is not None and bool(column.transcripts.form)


def _messages(profiles: Profiles, given: Given) -> Recognition | None:
    named = _asked(profiles, given, "messages")
    if named is None:
        return None
    chosen = several(named.get("messages"))
    lists = chosen or by_name(profiles, MESSAGE_NAMES, is_messages)
    lists = lists or [name for name, column in profiles.items() if is_messages(column) and name != "rejected"]
    sure = 0.97
    if not lists:  # alternating texts of user and assistant
        lists = by_name(profiles, MESSAGE_NAMES[:8], lambda column: column.structure.item == "text")
        sure = 0.9
    if not lists:
        texts = {name: one for name, one in profiles.items() if one.transcripts.sure and not _is_rejected(name)}
        lists = by_name(texts, (*MESSAGE_NAMES, *RESPONSE_NAMES), is_transcript) or list(texts)
        sure = 0.5 if _others(profiles, lists) else 0.9
    if not lists or not _holds_turns(profiles[lists[0]]):
        return None
    if not chosen and _turns_of_a_pair(profiles, lists[0]):
        return None
    if chosen:  # lists of any texts are not always turns
        column = profiles[lists[0]]
        known = is_messages(column) or is_transcript(column) or is_named(column.name, MESSAGE_NAMES)
        sure = 1.0 if known else 0.3
    return _recognition(profiles, given, named, "messages", {"messages": lists[0]}, sure)


def _unclear_others(profiles: Profiles, chosen: str) -> str:
    """What is unclear where other columns hold conversations too, and no name says that they are parts of these."""
    others = _conversations(profiles, chosen)
    return f"{chosen!r} and {others[0]!r} both hold conversations, and only one of them is read" if others else ""


def _conversations(profiles: Profiles, chosen: str) -> list[str]:
    parts = (*PROMPT_NAMES, *RESPONSE_NAMES)
    held = [name for name, column in profiles.items() if is_messages(column) and not _is_rejected(name)]
    return [name for name in held if name != chosen and not is_named(name, parts)]


def _holds_turns(column: ColumnProfile) -> bool:
    return is_messages(column) or column.structure.item == "text" or is_transcript(column)


def _is_rejected(name: str) -> bool:
    words = set(words_of(name))
    return "rejected" in words or {"non", "preferred"} <= words


def _others(profiles: Profiles, used: Sequence[str]) -> list[str]:
    """Columns beside a transcript that may be what there is to learn, such as a summary or a label of it."""
    return [
        name
        for name, column in profiles.items()
        if name not in used
        and column.distinct > 1
        and not (_is_rejected(name) or is_id(column) or is_split(column) or is_metadata(column))
    ]


def _turns_of_a_pair(profiles: Profiles, name: str) -> bool:
    """Whether a list of messages is only the prompt, with its response in another column."""
    free = {other: column for other, column in profiles.items() if other != name and not _is_rejected(other)}
    if is_named(name, ["prompt"]):
        return bool(by_name(free, RESPONSE_NAMES, _may_be_turn))
    return _asks(profiles[name]) and any(
        is_named(one, RESPONSE_NAMES) for one in by_name(free, RESPONSE_NAMES, _may_be_turn)
    )


def _asks(column: ColumnProfile) -> bool:
    """Whether the conversations of a column end before the assistant answers."""
    held = (cell.get("messages", cell) if isinstance(cell, dict) else cell for cell in map(structured, column.cells))
    last = [cell[-1] for cell in held if isinstance(cell, list) and cell and isinstance(cell[-1], dict)]
    said = [next((str(turn[key]) for key in ROLE_KEYS if turn.get(key)), "").lower() for turn in last]
    return is_messages(column) and bool(said) and sum(ROLES.get(role) == "user" for role in said) >= _ASKING * len(said)


def _instruction(profiles: Profiles, given: Given) -> Recognition | None:
    named = _asked(profiles, given, "instruction")
    if named is None:
        return None
    found = dict(named)
    _fill(profiles, found, "instruction", INSTRUCTION_NAMES)
    _fill(profiles, found, "output", OUTPUT_NAMES)
    if "instruction" not in found or "output" not in found:
        return None
    _fill(profiles, found, "input", INPUT_NAMES)
    by_its_name = is_named(str(found["instruction"]), INSTRUCTION_NAMES)
    if not by_its_name and {"instruction", "input"} - named.keys():
        return None
    certain = by_its_name and {"instruction", "output"} <= named.keys()
    sure = 1.0 if certain else 0.98 if by_its_name else 0.3
    return _recognition(profiles, given, named, "instruction", found, sure)


def _prompt(profiles: Profiles, given: Given) -> Recognition | None:
    named = _asked(profiles, given, "prompt")
    if named is None:
        return None
    found = dict(named)
    _fill(profiles, found, "prompt", PROMPT_NAMES)
    asking = [name for name, column in profiles.items() if _asks(column)]
    if "prompt" not in found and asking:
        found["prompt"] = asking[0]
    _fill(profiles, found, "response", RESPONSE_NAMES)
    if "prompt" not in found or "response" not in found:
        return None
    prompt, response = str(found["prompt"]), str(found["response"])
    # A question with an answer is more likely question answering than chat.
    question = is_named(prompt, ["question", "query"]) or is_named(response, ["answer"])
    called = (is_named(prompt, PROMPT_NAMES) or prompt in asking) and is_named(response, RESPONSE_NAMES)
    sure = 0.4 if not called else _PAIR if question else 0.92
    certain = len({"prompt", "response"} & named.keys()) == 2 and sure > 0.9
    return _recognition(profiles, given, named, "prompt", found, 1.0 if certain else sure)


def _asked(profiles: Profiles, given: Given, shape: str) -> Columns | None:
    """The columns that the user named for a shape, without those that every shape may have."""
    inputs, target = _ROLES[shape]
    return asked(profiles, {role: name for role, name in given.items() if role not in _OF_ANY_SHAPE}, inputs, target)


def _fill(profiles: Profiles, found: Columns, role: str, names: Sequence[str]) -> None:
    """Find a column for a role that has none yet."""
    if role in found:
        return
    free = {name: column for name, column in profiles.items() if name not in found.values()}
    fitting = by_name(free, names, _may_be_turn if role in ("prompt", "response") else _may_be_text)
    if role == "input":  # may be there or not, so that `input_quality` is none
        fitting = [name for name in fitting if is_named(name, names)]
    if fitting:
        found[role] = fitting[0]


def _may_be_text(column: ColumnProfile) -> bool:
    return is_prose(column) and column.n > 0


def _may_be_turn(column: ColumnProfile) -> bool:
    alone = column.structure.item == "" and _are_of_messages(column.structure.keys)
    return _may_be_text(column) or is_messages(column) or alone


def _recognition(
    profiles: Profiles, given: Given, named: Columns, shape: str, found: Columns, confidence: float
) -> Recognition:
    """Build the recognition: add the columns that every shape may have, and a decision for each column."""
    columns = dict(found)
    for role, names, fits in (
        ("system", SYSTEM_NAMES, lambda column: is_prose(column) or is_structured(column)),
        ("tools", TOOL_NAMES, lambda column: column.missing_share < 1),
        ("history", HISTORY_NAMES, is_structured),
        ("desirable", (), is_prose),  # only if it is named
    ):
        free = {name: column for name, column in profiles.items() if name not in columns.values()}
        called = [name for name in by_name(free, names, fits) if is_named(name, names)]
        chosen = several(given.get(role)) or called
        if chosen and (role != "history" or shape != "messages"):
            columns[role] = chosen[0]
    given_roles = {*named, *(role for role in _OF_ANY_SHAPE if role in given)}
    why = [
        said(role, profiles[str(name)], "as given" if role in given_roles else "by name")
        for role, name in columns.items()
    ]
    forms = {"messages": "lists of messages", "instruction": "instruction and output", "prompt": "prompt and response"}
    told = [profiles[str(name)].transcripts.form for name in columns.values() if is_transcript(profiles[str(name)])]
    why.append(Decision("shape", shape, _TOLD.get(told[0], _MARKED.format(told[0])) if told else forms[shape]))
    why += unused([name for name in profiles if _is_rejected(name)], "the replies that were turned down")
    roles = with_split(profiles, given, columns, why)
    why += unused(other_flags(profiles, roles), "flags; --column desirable=NAME trains on the rows in which it is true")
    judged = judgements(profiles, roles, shape) if confidence > _SURE and not named else []
    unclear = unclear_judgement(judged[0]) if judged else ""
    confidence = max(confidence, _ASKED) if judged else confidence
    if shape == "messages":
        messages = profiles[str(columns["messages"])]
        why += reasoning(messages)
        why += unused(unread_flags(messages), "flags of messages; `weight` 0 marks a turn that is not to be learned")
        if not named:
            unclear = unclear_marks(profiles, messages) or _unclear_others(profiles, messages.name) or unclear
    return Recognition(TASK, shape, roles, confidence, why, unclear)
