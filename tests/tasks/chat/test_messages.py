"""Conversations of every shape as messages with four roles; what is none is skipped with its reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.columns.transcripts import ANSWERING, ASKING
from luthier.data.records import Fault
from luthier.tasks.chat.messages import ROLES, Message, is_exchange, is_learned, read_messages, read_tools, undesirable

MESSAGES = {"messages": "m"}
USER, ASSISTANT = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}


def read(cell: Any) -> list[Message] | Fault:
    return read_messages({"m": cell}, MESSAGES, "messages")


@pytest.mark.parametrize(
    "cell",
    [
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
        [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}],
        [{"from": "User", "value": "Hi"}, {"from": "Chatbot", "value": "Hello"}],
        [{"role": "prompter", "text": "Hi"}, {"role": "assistant", "text": "Hello"}],
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": ["Hello"]}],
        [
            {"role": "user", "content": {"type": "text", "text": "Hi"}},
            {"role": "assistant", "content": '[{"type": "text", "text": "Hello"}]'},
        ],
        [
            {"role": "user", "content": {"content_type": "text", "parts": ["Hi"]}},
            {"role": "assistant", "content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}]},
        ],
        [{"role": "user", "content": "Hi", "from": None, "tool_calls": None}, ASSISTANT],
        ["Hi", "Hello"],
        json.dumps([USER, ASSISTANT]),
        str([USER, ASSISTANT]),
        [["Hi", "Hello"]],
        [{"human": "Hi", "assistant": "Hello", "id": 1}],
        [{"assistant": "Hello", "human": "Hi"}],
        [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hel"}, {"text": "lo"}]}],
        [
            USER,
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "?"}, {"type": "text", "text": "Hello"}],
            },
        ],
        [USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "Hello"}]}],
        {"messages": [USER, ASSISTANT], "tools": []},
        f"[{USER}\n {ASSISTANT}]",
        {
            "text": "Hi",
            "role": "prompter",
            "replies": [
                {"text": "Go away", "role": "assistant", "rank": 1, "replies": []},
                {"text": "Hello", "role": "assistant", "rank": 0, "replies": []},
            ],
        },
    ],
)
def test_every_form_of_a_conversation(cell: Any) -> None:
    assert read(cell) == [USER, ASSISTANT]


def test_turns_stay_as_they_are() -> None:
    turns = [ASSISTANT, USER, USER, ASSISTANT, ASSISTANT, {"role": "system", "content": "Be brief"}]
    assert read(turns) == turns


CALL = {"name": "search", "arguments": {"query": "rice", "limit": None}}
CALLED = {"type": "function", "function": {"name": "search", "arguments": {"query": "rice", "limit": None}}}


def test_calls_of_tools() -> None:
    sharegpt = [
        {"from": "human", "value": "Find rice"},
        {"from": "function_call", "value": json.dumps(CALL)},
        {"from": "observation", "value": '{"found": 1}'},
        {"from": "gpt", "value": "Found it"},
    ]
    expected = [
        {"role": "user", "content": "Find rice"},
        {"role": "assistant", "content": "", "tool_calls": [CALLED]},
        {"role": "tool", "content": '{"found": 1}'},
        {"role": "assistant", "content": "Found it"},
    ]
    assert read(sharegpt) == expected
    openai = [
        {"role": "user", "content": "Find rice"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": CALL | {"arguments": json.dumps(CALL["arguments"])}}
            ],
        },
        {"role": "tool", "content": '{"found": 1}', "tool_call_id": "c1", "name": "search"},
        {"role": "assistant", "content": "Found it"},
    ]
    found = read(openai)
    assert isinstance(found, list)
    assert found[1]["tool_calls"] == [CALLED | {"id": "c1"}]
    assert found[2] == expected[2] | {"tool_call_id": "c1", "name": "search"}
    several = [USER, {"role": "function_call", "content": json.dumps([CALL, CALL])}]
    found = read(several)
    assert isinstance(found, list)
    assert found[1]["tool_calls"] == [CALLED, CALLED]


@pytest.mark.parametrize(
    ("cell", "reason", "words"),
    [
        ([], "empty-conversation", "'m'"),
        (None, "empty-conversation", "'m'"),
        ([USER], "no-assistant-turn", "the roles are user"),
        ([USER, {"role": "assistant", "content": " "}], "no-assistant-turn", "user, assistant"),
        ([USER, {"role": "moderator", "content": "x"}], "unknown-role", "message 2 has the role 'moderator'"),
        ([{"content": "x"}], "unknown-role", "message 1 has the role ''"),
        ([USER, "Hello"], "invalid-message", "message 2"),
        ([{"role": "user", "content": [{"type": "image"}]}, ASSISTANT], "image-part", "message 1 has a part of type"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}, ASSISTANT], "input-audio-part", "'input_audio'"),
        ([USER, {"role": "assistant", "content": [{"type": "text", "text": {"a": 1}}]}], "not-text", "message 2"),
        ([USER, {"role": "assistant", "content": [{"type": "text", "text": 3}]}], "not-text", "message 2"),
        ([USER, {"role": "function_call", "content": "search(rice)"}], "bad-tool-call", "names no function"),
        (
            [USER, {"role": "function_call", "content": '{"name": "a", "arguments": "x"}'}],
            "bad-tool-call",
            "arguments 'x'",
        ),
        ([USER, {"role": "function_call", "content": "[]"}], "bad-tool-call", "calls nothing"),
        ([USER, ASSISTANT | {"weight": 0}], "nothing-learned", "every assistant turn"),
        ([USER, ASSISTANT | {"content": "", "weight": 1}, ASSISTANT | {"masked": True}], "nothing-learned", "every"),
        ([USER, ASSISTANT | {"weight": 0.5}], "unclear-weight", "message 2 has weight '0.5'"),
        ([USER, ASSISTANT | {"train": "maybe"}], "unclear-weight", "message 2 has train 'maybe'"),
        ([USER, ASSISTANT | {"mask": 1}], "unclear-weight", "message 2 has mask '1'"),
        (
            [USER, ASSISTANT | {"train_detail": [{"begin_offset": 0, "end_offset": 2, "train": False}]}],
            "unclear-weight",
            "message 2 has train_detail",
        ),
    ],
)
def test_what_is_skipped(cell: Any, reason: str, words: str) -> None:
    fault = read(cell)
    assert isinstance(fault, Fault)
    assert fault.reason == reason
    assert words in fault.detail


@pytest.mark.parametrize(
    ("mark", "no", "yes"),
    [
        *(("weight", no, yes) for no, yes in ((0, 1), (0.0, 1.0), ("0", "1"), (False, True))),
        *(("loss", no, yes) for no, yes in ((0, 1), (False, True), ("false", "true"))),
        *((mark, False, True) for mark in ("train", "trainable", "training", "learn", "loss_weight", "loss_scale")),
        ("loss_mask", 0, 1),
        *((mark, True, False) for mark in ("masked", "is_masked", "ignore", "ignored", "ignore_loss")),
    ],
)
def test_a_marked_turn_is_read_and_not_learned(mark: str, no: Any, yes: Any) -> None:
    cell = [USER, ASSISTANT | {mark: no}, USER | {mark: no}, ASSISTANT | {mark: yes}, USER, ASSISTANT | {mark: None}]
    expected = [USER, ASSISTANT | {"weight": 0}, USER, ASSISTANT, USER, ASSISTANT]
    assert read(cell) == read(json.dumps(cell)) == expected
    assert [is_learned(turn) for turn in expected] == [False, False, False, True, False, True]
    assert read_messages({"m": cell[:2]}, MESSAGES, "messages", replied=False) == expected[:2]


def test_one_mark_against_a_turn_is_enough_and_calls_have_marks_too() -> None:
    assert read([USER, ASSISTANT | {"weight": 1, "train": False}, ASSISTANT]) == [
        USER,
        ASSISTANT | {"weight": 0},
        ASSISTANT,
    ]
    called = read([USER, {"role": "function_call", "content": json.dumps(CALL), "loss": False}, ASSISTANT])
    assert isinstance(called, list)
    assert (called[1]["weight"], called[1]["tool_calls"]) == (0, [CALLED])


ALPACA = {"instruction": "i", "input": "n", "output": "o", "system": "s", "history": "h"}


def test_instructions() -> None:
    row = {"i": "Add up", "n": "1, 2", "o": "3", "s": "Be brief", "h": [["Hi", "Hello"]]}
    assert read_messages(row, ALPACA, "instruction") == [
        {"role": "system", "content": "Be brief"},
        USER,
        ASSISTANT,
        {"role": "user", "content": "Add up\n\n1, 2"},
        {"role": "assistant", "content": "3"},
    ]
    plain = [{"role": "user", "content": "Add up"}, {"role": "assistant", "content": "3"}]
    assert read_messages(row | {"n": "", "s": None, "h": []}, ALPACA, "instruction") == plain
    only_input = read_messages(row | {"i": "", "s": "", "h": None}, ALPACA, "instruction")
    assert isinstance(only_input, list)
    assert only_input[0] == {"role": "user", "content": "1, 2"}
    for change, reason in (
        ({"o": " "}, "no-assistant-turn"),
        ({"i": "", "n": ""}, "empty-text"),
        ({"h": "x"}, "invalid-message"),
    ):
        fault = read_messages(row | {"h": []} | change, ALPACA, "instruction")
        assert isinstance(fault, Fault)
        assert fault.reason == reason


PROMPT = {"prompt": "p", "response": "r"}


def test_a_reply_that_is_to_be_predicted() -> None:
    assert read_messages({"m": [USER]}, MESSAGES, "messages", replied=False) == [USER]
    assert read_messages({"p": "Hi"}, PROMPT, "prompt", replied=False) == [USER]
    assert read_messages({"i": "Hi"}, ALPACA, "instruction", replied=False) == [USER]
    fault = read_messages({"m": []}, MESSAGES, "messages", replied=False)
    assert isinstance(fault, Fault)
    assert fault.reason == "empty-conversation"


@pytest.mark.parametrize(
    ("prompt", "response"),
    [
        ("Hi", "Hello"),
        ([USER], [ASSISTANT]),
        ([USER], "Hello"),
        ("Hi", [USER, ASSISTANT]),  # preference data repeats the prompt
        (str([USER]), str([ASSISTANT])),
    ],
)
def test_prompts_with_responses(prompt: Any, response: Any) -> None:
    assert read_messages({"p": prompt, "r": response}, PROMPT, "prompt") == [USER, ASSISTANT]


@pytest.mark.parametrize("reply", ['["a", "b"]', '{"a": 1}', "[1, 2]", '[{"a": 1}]', "(1, 2)", "[]"])
def test_a_reply_in_json_is_text(reply: str) -> None:
    found = read_messages({"p": reply, "r": reply}, PROMPT, "prompt")
    assert found == [{"role": "user", "content": reply}, {"role": "assistant", "content": reply}]


def test_tools() -> None:
    tool = {"name": "search", "description": "finds", "parameters": {"type": "object", "default": None}}
    wrapped = {"type": "function", "function": tool}
    for cell in (json.dumps([tool]), str([wrapped]), json.dumps(tool)):
        assert read_tools({"t": cell}, {"tools": "t"}) == [wrapped]
    without_nothing = {"type": "function", "function": tool | {"parameters": {"type": "object"}}}
    assert read_tools({"t": [tool]}, {"tools": "t"}) == [without_nothing]  # as Arrow gives it
    for cell in (None, "", "[]", []):
        assert read_tools({"t": cell}, {"tools": "t"}) == []
    assert read_tools({"t": "x"}, {}) == []
    fault = read_tools({"t": "no list"}, {"tools": "t"})
    assert isinstance(fault, Fault)
    assert fault.reason == "bad-tools"


TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(sorted(set(ROLES) - {"function_call", "tool_call"})), "content": st.text()}
)


@given(st.lists(TURN))
def test_no_turn_is_lost_or_changed(turns: list[dict[str, str]]) -> None:
    found = read(turns)
    if isinstance(found, Fault):
        spoken = [turn for turn in turns if ROLES[turn["role"]] == "assistant" and turn["content"].strip()]
        assert not spoken
    else:
        assert found == [{"role": ROLES[turn["role"]], "content": turn["content"]} for turn in turns]
        assert read(json.dumps(turns)) == found


# -- transcripts ------------------------------------------------------------------------------------------------------


def transcript(text: str, *, replied: bool = True) -> list[Message] | Fault:
    return read_messages({"m": text}, MESSAGES, "messages", transcripts=["messages"], replied=replied)


def test_speakers_are_roles() -> None:
    assert {*ASKING, *ANSWERING, "system"} <= ROLES.keys()


def test_transcripts() -> None:
    assert transcript("\n\nHuman: Hi\n\nAssistant: Hello") == [USER, ASSISTANT]
    assert transcript("Human: Hi\n\nAssistant:", replied=False) == [USER]
    assert getattr(transcript("Human: Hi\n\nAssistant:"), "reason", "") == "no-assistant-turn"
    assert getattr(transcript(" "), "reason", "") == "empty-conversation"
    fault = transcript("Hello there")
    assert isinstance(fault, Fault)
    assert (fault.reason, "'Hello there'" in fault.detail) == ("unclear-turns", True)
    assert read("Human: Hi\n\nAssistant: Hello") == Fault("no-assistant-turn", "no assistant turn: the roles are user")


def test_a_prompt_that_is_a_transcript() -> None:
    row = {"p": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: And?\n\nAssistant:", "r": " Done"}
    found = read_messages(row, {"prompt": "p", "response": "r"}, "prompt", transcripts=["prompt"])
    assert found == [USER, ASSISTANT, {"role": "user", "content": "And?"}, {"role": "assistant", "content": " Done"}]


@pytest.mark.parametrize(
    "content", ['[{"type"', '[{"type": "fig", "size": 3}]', '[{"type": "a"} and more', '{"a": 1}', "[1] [{2}]"]
)
def test_text_that_only_begins_like_parts_stays_text(content: str) -> None:
    assert read([USER, ASSISTANT | {"content": content}]) == [USER, ASSISTANT | {"content": content}]


def test_marks_of_another_template_are_no_part_of_the_turns() -> None:
    row = {"p": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "r": "Hello<|im_end|>"}
    assert read_messages(row, {"prompt": "p", "response": "r"}, "prompt", transcripts=["prompt"]) == [USER, ASSISTANT]
    row = {"m": "USER: Hi\n\nASSISTANT: Hello <|endoftext|>", "s": "SYSTEM: Be brief"}
    columns = {"messages": "m", "system": "s"}
    system = {"role": "system", "content": "Be brief"}
    assert read_messages(row, columns, "messages", transcripts=["messages"]) == [system, USER, ASSISTANT]
    told = read_messages({"m": [USER, ASSISTANT], "s": '["a", 1]'}, columns, "messages")
    assert told == [{"role": "system", "content": '["a", 1]'}, USER, ASSISTANT]
    for parts in ([{"text": "Be brief"}], {"role": "system", "parts": [{"text": "Be brief"}]}):
        row = {"m": [USER, ASSISTANT], "s": parts}
        assert read_messages(row, columns, "messages") == [system, USER, ASSISTANT]


# -- tools as parts, pairs, and what judges a row ----------------------------------------------------------------------


def test_anthropics_tool_parts_are_calls_and_messages_of_the_tool() -> None:
    call = {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "rice"}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "white"}]}
    said = {"type": "text", "text": "And?"}
    found = read(
        [USER, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result, said]}, ASSISTANT]
    )
    called = {"type": "function", "function": {"name": "search", "arguments": {"q": "rice"}}, "id": "c1"}
    assert found == [
        USER,
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "white", "tool_call_id": "c1"},
        {"role": "user", "content": "And?"},
        ASSISTANT,
    ]
    image = result | {"content": [{"type": "image"}]}
    fault = read([USER, {"role": "user", "content": [image]}, ASSISTANT])
    assert getattr(fault, "reason", "") == "image-part"


def test_earlier_turns_stand_before_a_prompt_in_any_form() -> None:
    columns = {"prompt": "p", "response": "r", "history": "h"}
    for history in ([["Hi", "Hello"]], ["Hi", "Hello"], [USER, ASSISTANT], '[["Hi", "Hello"]]'):
        found = read_messages({"p": "And?", "r": "Done", "h": history}, columns, "prompt")
        assert found == [USER, ASSISTANT, {"role": "user", "content": "And?"}, {"role": "assistant", "content": "Done"}]


def test_preference_data_of_openai_has_its_tools_in_the_prompt() -> None:
    tools = [{"type": "function", "function": {"name": "search"}}]
    row = {"p": {"messages": [USER], "tools": tools, "parallel_tool_calls": True}, "r": [ASSISTANT]}
    assert read_messages(row, PROMPT, "prompt") == [USER, ASSISTANT]
    assert read_tools(row, PROMPT) == tools
    assert read_messages({"p": [USER], "r": ASSISTANT}, PROMPT, "prompt") == [USER, ASSISTANT]


def test_a_list_of_names_is_no_exchange() -> None:
    assert is_exchange(["human", "assistant", "id"])
    assert not is_exchange(["customer", "agent", "text"])
    assert not is_exchange(["question", "answer"])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        *((cell, "") for cell in (True, 1, "true", "1.0", "Yes")),
        *((cell, "undesirable-reply") for cell in (False, 0, "False", "0")),
        *((cell, "unclear-flag") for cell in (None, "", "maybe", 2)),
    ],
)
def test_rows_whose_reply_is_not_to_be_learned(cell: Any, reason: str) -> None:
    assert getattr(undesirable({"l": cell}, {"desirable": "l"}), "reason", "") == reason
    assert undesirable({"l": cell}, {"messages": "l"}) is None
