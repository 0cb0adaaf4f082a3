"""Conversations as a template's text: exact where it shows all, put into the forms that it takes where it does not."""

from copy import deepcopy
from typing import Any

import pytest

from luthier.errors import DataError, ModelError
from luthier.tasks.chat.rendering import DEFAULT_CHAT_TEMPLATE, fitting, prompt_text, render_chat, text_of
from tests.tasks.chat.templates import (
    CALLING,
    CHATML,
    CONVERSATION,
    GEMMA,
    LLAMA3,
    MISTRAL,
    NO_PROMPT,
    SMOLLM2,
    TOOLS,
    with_template,
)

TOLD = """\
<|im_start|>system
Be kind.

You can call these functions:
<tools>
{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
</tools>
A call is {"name": ..., "arguments": {...}} between <tool_call> and </tool_call>.<|im_end|>
<|im_start|>user
Weather?<|im_end|>
<|im_start|>assistant
<tool_call>
{"name": "weather", "arguments": {"city": "Paris"}}
</tool_call>
<tool_call>
{"name": "now", "arguments": {}}
</tool_call><|im_end|>
<|im_start|>tool
sunny<|im_end|>
<|im_start|>assistant
Sunny.<|im_end|>
"""


# -- the default template --------------------------------------------------------------------------------------------


def test_the_default_template_writes_chatml_with_tools() -> None:
    tokenizer = with_template(DEFAULT_CHAT_TEMPLATE)
    assert render_chat(tokenizer, CALLING, TOOLS) == TOLD
    prompt = render_chat(tokenizer, CALLING[:4], TOOLS, add_generation_prompt=True)
    assert prompt == TOLD.removesuffix("Sunny.<|im_end|>\n")


def test_the_default_template_offers_tools_in_a_system_message_of_its_own() -> None:
    text = render_chat(with_template(DEFAULT_CHAT_TEMPLATE), CALLING[1:2], TOOLS)
    assert text == TOLD.replace("Be kind.\n\n", "").partition("<|im_start|>assistant")[0]


# -- what a template does not take -----------------------------------------------------------------------------------


def test_a_conversation_that_a_template_shows_is_left_as_it_is() -> None:
    assert fitting(with_template(DEFAULT_CHAT_TEMPLATE), CALLING, TOOLS) == (CALLING, TOOLS)
    assert fitting(with_template(CHATML), CONVERSATION, None) == (CONVERSATION, None)


def test_a_system_message_that_a_template_does_not_take_goes_before_the_first_user_s() -> None:
    for template in (GEMMA, MISTRAL):
        text = render_chat(with_template(template), CONVERSATION)
        assert "Be kind.\n\nHello" in text
    assert "system" not in render_chat(with_template(GEMMA), CONVERSATION[:1])


def test_a_system_message_that_a_template_drops_is_kept() -> None:
    dropping = CHATML.replace("{{'<|im_start|>'", "{% if m.role != 'system' %}{{'<|im_start|>'").replace(
        "'\n'}}", "'\n'}}{% endif %}", 1
    )
    assert "Be kind.\n\nHello" in render_chat(with_template(dropping), CONVERSATION)


def test_tools_are_offered_where_there_is_no_system_message() -> None:
    text = render_chat(with_template(GEMMA), CALLING[1:], TOOLS)
    assert text.index('"name": "weather"') < text.index("Weather?") < text.index("sunny")


def test_a_system_message_that_a_template_fills_with_its_own_words_is_kept() -> None:
    text = render_chat(with_template(SMOLLM2), CONVERSATION)
    assert text.startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>")


def test_calls_and_results_of_tools_become_text_and_what_was_given_stays_as_it_was() -> None:
    given = deepcopy(CALLING)
    messages, tools = fitting(with_template(MISTRAL), given, TOOLS)
    assert tools is None
    assert given == CALLING
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]
    assert not any("tool_calls" in message for message in messages)
    assert text_of(messages[1]).startswith(
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    )
    assert messages[2]["content"] == "sunny"


def test_arguments_in_json_are_not_quoted_again() -> None:
    written = [{"function": {"name": "weather", "arguments": '{"city": "Paris"}'}}]
    messages, _ = fitting(with_template(MISTRAL), [CALLING[1], {"role": "assistant", "tool_calls": written}], None)
    assert text_of(messages[1]) == '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'


def test_what_the_assistant_says_beside_a_call_stands_before_it() -> None:
    turns = [CALLING[1], {**CALLING[2], "content": "Let me see."}]
    messages, _ = fitting(with_template(LLAMA3), turns, None)
    assert text_of(messages[1]).startswith("Let me see.\n<tool_call>\n")


# -- where an answer begins ------------------------------------------------------------------------------------------

ASKED = CONVERSATION[1:2]


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        (CHATML, "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"),
        (NO_PROMPT, "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"),
        (MISTRAL, "<|startoftext|>[INST] Hello [/INST]"),
    ],
    ids=["with a prompt", "a header alone", "neither"],
)
def test_a_prompt_ends_where_the_template_lets_an_answer_begin(template: str, prompt: str) -> None:
    tokenizer = with_template(template)
    assert prompt_text(tokenizer, ASKED, None) == prompt
    assert render_chat(tokenizer, ASKED, add_generation_prompt=True) == prompt


def test_an_assistant_that_speaks_first_is_given_its_header_where_the_template_allows_it() -> None:
    assert prompt_text(with_template(CHATML), [], None) == "<|im_start|>assistant\n"
    assert prompt_text(with_template(MISTRAL), [], None) == ""


# -- texts and faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hello", "Hello"),
        (None, ""),
        ("", ""),
        ([{"type": "text", "text": "Hel"}, {"text": "lo"}, {"type": "image"}], "Hello"),
    ],
)
def test_the_text_of_a_message(content: Any, text: str) -> None:
    assert text_of({"role": "user", "content": content}) == text
    assert text_of({"role": "assistant"}) == ""


def test_a_template_that_is_not_valid_is_a_fault_of_the_model() -> None:
    tokenizer = with_template("{% for m in messages %}\n{{ m.content")
    with pytest.raises(ModelError, match="the chat template is not valid: unexpected end of template") as caught:
        render_chat(tokenizer, [{"role": "user", "content": "Hello"}])
    assert caught.value.where.endswith("line 2 of the template")


@pytest.mark.parametrize(
    ("template", "messages"),
    [
        (CHATML, [{"role": "user", "content": None}]),
        (CHATML.replace("m['content']", "m['words']"), [{"role": "user", "content": "Hello"}]),
        (GEMMA, [{"role": "assistant", "content": "a"}]),
    ],
    ids=["no text", "another key", "another order"],
)
def test_a_conversation_that_a_template_refuses_is_an_error_with_its_roles(
    template: str, messages: list[dict[str, Any]]
) -> None:
    with pytest.raises(DataError, match="the chat template refuses the conversation") as caught:
        render_chat(with_template(template), messages)
    assert caught.value.where == f"roles {messages[0]['role']}"
