"""Columns of conversations: lists of messages, instructions with outputs, prompts with responses."""

from collections.abc import Sequence
from typing import Any

import pytest

from luthier.errors import ColumnError
from luthier.tasks.chat.columns import SHAPES, is_messages, likely, recognise_chat, why_not
from tests.tasks.by_hand import Row, profiles_of

TEXTS = ["what is a luthier", "who made this old violin", "when was the cello made", "why do the strings wear out"]


def said(i: int, *roles: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": f"{TEXTS[i % 4]} of {role}"} for role in roles]


def table(*columns: str, **others: Any) -> list[dict[str, Any]]:
    """Rows of short texts; `others` are columns whose cells are the same in every row."""
    return [{name: f"{TEXTS[(i + place) % 4]} {name}" for place, name in enumerate(columns)} | others for i in range(8)]


def found_in(
    rows: Sequence[Row], *, shape: str | None = None, **given: Any
) -> tuple[str, dict[str, Any], float] | None:
    found = recognise_chat(profiles_of(rows), given=given, shape=shape)
    return None if found is None else (found.shape, found.columns, found.confidence)


# -- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "messages"),
    [
        ([{"role": "user", "content": "hello"}], True),
        ([{"speaker": "A", "utterance": "hello"}], True),
        ([{"role": "assistant", "tool_calls": []}], True),
        ('[{"from": "human", "value": "hello"}]', True),
        ({"role": "prompter", "text": "hello", "replies": []}, True),
        ({"role": "user", "content": "hello"}, False),
        ([{"start": 0, "end": 4, "label": "PER"}], False),
        ([{"content": "hello"}], False),
        (["hello", "there"], False),
        ("hello", False),
    ],
)
def test_messages_have_a_role_and_a_content_each(cell: Any, messages: bool) -> None:
    assert is_messages(profiles_of([{"column": cell}] * 3)["column"]) is messages


def test_a_list_of_messages_is_found_under_any_name_and_a_known_one_comes_first() -> None:
    log = [{"log": said(i, "user", "assistant"), "source": "web"} for i in range(4)]
    assert found_in(log) == ("messages", {"messages": "log"}, 0.97)
    both = [{"log": said(i, "user", "assistant"), "turns": said(i, "user", "assistant")} for i in range(4)]
    assert found_in(both) == ("messages", {"messages": "turns"}, 0.97)


def test_replies_that_were_turned_down_are_no_conversation_to_learn() -> None:
    assert found_in([{"rejected": said(i, "user", "assistant")} for i in range(4)]) is None


def test_texts_that_take_turns_are_a_conversation_under_a_known_name_alone() -> None:
    assert found_in([{"utterances": TEXTS}] * 4) == ("messages", {"messages": "utterances"}, 0.9)
    assert found_in([{"paragraphs": TEXTS}] * 4) is None


def test_a_prompt_of_messages_is_the_conversation_unless_its_response_stands_beside_it() -> None:
    alone = [{"prompt": said(i, "user", "assistant")} for i in range(4)]
    assert found_in(alone) == ("messages", {"messages": "prompt"}, 0.97)
    beside = [row | {"completion": said(i, "assistant")} for i, row in enumerate(alone)]
    assert found_in(beside) == ("prompt", {"prompt": "prompt", "response": "completion"}, 0.92)


# -- instructions and prompts ----------------------------------------------------------------------------------------


def test_an_instruction_has_an_output_and_perhaps_an_input_and_earlier_turns() -> None:
    rows = table("instruction", "input", "output", history=[["hello", "good day"]])
    columns = {"instruction": "instruction", "input": "input", "output": "output", "history": "history"}
    assert found_in(rows) == ("instruction", columns, 0.98)
    assert found_in(table("instruction", "completion")) == (
        *("instruction", {"instruction": "instruction", "output": "completion"}, 0.98),
    )
    assert found_in(table("instruction")) is None


@pytest.mark.parametrize(
    ("prompt", "response", "confidence"),
    [
        ("user", "assistant", 0.92),
        ("prompt", "model_output", 0.92),
        ("question", "answer", 0.6),
        ("query", "reply", 0.6),
    ],
)
def test_a_question_with_an_answer_is_less_surely_talk(prompt: str, response: str, confidence: float) -> None:
    assert found_in(table(prompt, response)) == ("prompt", {"prompt": prompt, "response": response}, confidence)


def test_numbers_answer_no_prompt() -> None:
    assert found_in([row | {"response": i} for i, row in enumerate(table("prompt"))]) is None


# -- what may stand beside any ---------------------------------------------------------------------------------------


def test_a_system_message_and_tools_are_taken_along_by_their_whole_names() -> None:
    rows = table("prompt", "response", "system_prompt", functions='[{"name": "search"}]')
    columns = {"prompt": "prompt", "response": "response", "system": "system_prompt", "tools": "functions"}
    assert found_in(rows) == ("prompt", columns, 0.92)
    found = found_in(table("prompt", "response", "operating_system"))
    assert found is not None
    assert "system" not in found[1]


def test_tools_that_no_row_offers_are_left_out() -> None:
    found = found_in(table("prompt", "response", tools=None))
    assert found is not None
    assert "tools" not in found[1]


# -- what the user says ----------------------------------------------------------------------------------------------

MIXED = table("instruction", "input", "output")


def test_a_shape_that_was_asked_for_is_the_only_one_looked_for() -> None:
    found = found_in(MIXED, shape="prompt")
    assert found is not None
    assert found[:2] == ("prompt", {"prompt": "instruction", "response": "output"})
    assert found_in(MIXED, shape="messages") is None
    assert found_in(MIXED, shape="en-de") is None
    assert found_in(MIXED) == found_in(MIXED, shape="instruction")
    assert SHAPES == ("messages", "instruction", "prompt")


def test_named_columns_are_taken_and_all_of_them_are_certain() -> None:
    assert found_in(MIXED, instruction="instruction", output="output") == (
        *("instruction", {"instruction": "instruction", "output": "output", "input": "input"}, 1.0),
    )
    assert found_in(table("user", "bot"), prompt="user", response="bot") == (
        *("prompt", {"prompt": "user", "response": "bot"}, 1.0),
    )
    odd = found_in(table("a", "b", "c"), text="a", label="c", system="b")
    assert odd == ("prompt", {"prompt": "a", "response": "c", "system": "b"}, 0.4)


def test_a_named_column_that_holds_no_messages_is_no_conversation() -> None:
    assert found_in(table("note", "title"), shape="messages", messages="note") is None


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(ColumnError, match="no column 'instructoin'"):
        found_in(MIXED, instruction="instructoin")


def test_the_decisions_say_what_each_column_is_taken_for_and_why() -> None:
    found = recognise_chat(profiles_of(table("prompt", "response", "system")), given={"label": "response"}, shape=None)
    assert found is not None
    told = {decision.what: decision.why.rpartition(", ")[2] for decision in found.why}
    assert told == {"prompt": "by name", "response": "as given", "system": "by name", "shape": "prompt and response"}


def test_what_the_columns_hold_instead_is_told() -> None:
    assert all(repr(name) in why_not(profiles_of(table("note", "title"))) for name in ("note", "title"))
    tree = table("text", message_id="a1", parent_id="a0")
    assert "message_id" in why_not(profiles_of(tree)) and "tree" in why_not(profiles_of(tree))


# -- transcripts and marks --------------------------------------------------------------------------------------------


def hh(i: int) -> str:
    return f"\n\nHuman: {TEXTS[i % 4]} of {i}\n\nAssistant: it is {TEXTS[(i + 1) % 4]}"


def test_transcripts_are_conversations_unless_something_else_is_to_be_learned() -> None:
    rows = [{"rejected": hh(i), "chosen": hh(i)} for i in range(8)]
    assert found_in(rows) == ("messages", {"messages": "chosen"}, 0.9)
    found = recognise_chat(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert "'rejected'" in [line.value for line in found.why if line.what == "not used"]
    assert found_in(rows, messages="chosen") == ("messages", {"messages": "chosen"}, 1.0)
    labelled = [{"text": hh(i), "label": ["good", "bad"][i % 2]} for i in range(8)]
    assert found_in(labelled) == ("messages", {"messages": "text"}, 0.5)
    prompts = [{"prompt": hh(i) + "\n\nAssistant:", "response": TEXTS[i % 4], "rejected": "no"} for i in range(8)]
    assert found_in(prompts) == ("prompt", {"prompt": "prompt", "response": "response"}, 0.92)


def test_flags_that_are_not_read_are_said() -> None:
    rows = [
        {"messages": [turn | {"approved": i % 2 == 0, "note": "x"} for turn in said(i, "user", "assistant")]}
        for i in range(8)
    ]
    found = recognise_chat(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert [line.value for line in found.why if line.what == "not used"] == ["'approved'"]


def test_a_list_of_marks_beside_the_messages_is_asked_about() -> None:
    rows = [{"messages": said(i, "user", "assistant"), "loss_mask": [0, i % 2]} for i in range(8)]
    found = recognise_chat(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert found.unclear.startswith("column 'loss_mask' has a number for each message")
    named = recognise_chat(profiles_of(rows), given={"messages": "messages"}, shape=None)
    assert named is not None
    assert named.unclear == ""
    others = [{"messages": said(i, *["user", "assistant"] * (i + 1)), "scores": [i, 2]} for i in range(8)]
    found = recognise_chat(profiles_of(others), given={}, shape=None)
    assert found is not None
    assert found.unclear == ""


def test_texts_in_another_models_template_are_conversations_and_said() -> None:
    chatml = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n{}<|im_end|>\n"
    rows = [{"text": chatml.format(TEXTS[i % 4], i)} for i in range(8)]
    found = recognise_chat(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert (found.columns, found.confidence) == ({"messages": "text"}, 0.9)
    assert "ChatML's marks" in found.why[-1].why
    some = [row if i % 2 else {"text": TEXTS[i % 4]} for i, row in enumerate(rows)]
    assert found_in(some) is None
    assert found_in(some, text="text") == ("messages", {"messages": "text"}, 1.0)
    assert likely(profiles_of(some)) == [{"messages": "text"}]


# -- preferences ------------------------------------------------------------------------------------------------------


def test_a_conversation_that_waits_for_its_reply_is_the_prompt_of_the_chosen_one() -> None:
    rows = [
        {"conversations": said(i, "user", "assistant", "user"), "chosen": said(i, "assistant")[0], "rejected": "no"}
        for i in range(8)
    ]
    assert found_in(rows) == ("prompt", {"prompt": "conversations", "response": "chosen"}, 0.92)
    whole = [row | {"conversations": said(i, "user", "assistant")} for i, row in enumerate(rows)]
    assert found_in(whole) == ("messages", {"messages": "conversations"}, 0.97)
    openai = [
        {"input": {"messages": said(i, "user")}, "preferred_output": said(i, "assistant"), "non_preferred_output": []}
        for i in range(8)
    ]
    assert found_in(openai) == ("prompt", {"prompt": "input", "response": "preferred_output"}, 0.92)


@pytest.mark.parametrize("flag", [[True, False], [1, 0], ["true", "false"]])
def test_replies_with_a_flag_are_asked_about(flag: list[Any]) -> None:
    rows = [row | {"label": flag[i % 2]} for i, row in enumerate(table("prompt", "completion"))]
    found = recognise_chat(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert (found.confidence, "'label'" in found.unclear) == (0.96, True)
    columns = {"prompt": "prompt", "response": "completion"}
    assert likely(profiles_of(rows)) == [columns | {"desirable": "label"}, columns]
    given: dict[str, str | list[str]] = {"text": "prompt", "label": "completion", "desirable": "label"}
    chosen = recognise_chat(profiles_of(rows), given=given, shape=None)
    assert chosen is not None
    assert (chosen.columns, chosen.unclear) == (columns | {"desirable": "label"}, "")


def test_answers_to_questions_with_a_flag_are_pairs_to_classify_rather_than_talk() -> None:
    rows = [row | {"label": i % 2} for i, row in enumerate(table("question", "answer"))]
    assert found_in(rows) == ("prompt", {"prompt": "question", "response": "answer"}, 0.6)


def test_of_two_conversations_that_are_compared_neither_is_chosen() -> None:
    rows = [{name: said(i, "user", "assistant") for name in ("conversation_a", "conversation_b")} for i in range(8)]
    found = recognise_chat(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert "'conversation_b'" in found.unclear
    assert likely(profiles_of(rows)) == [{"messages": "conversation_a"}, {"messages": "conversation_b"}]
    assert found_in(rows, text="conversation_b") == ("messages", {"messages": "conversation_b"}, 1.0)
    parts = [{"messages": row["conversation_a"], "chosen": row["conversation_a"], "prompt": "x"} for row in rows]
    found = recognise_chat(profiles_of(parts), given={}, shape=None)
    assert found is not None
    assert (found.columns, found.unclear) == ({"messages": "messages"}, "")


def test_a_column_about_the_input_is_no_input() -> None:
    rows = [row | {"input_quality": ["good", "bad"][i % 2]} for i, row in enumerate(table("instruction", "output"))]
    assert found_in(rows) == ("instruction", {"instruction": "instruction", "output": "output"}, 0.98)
