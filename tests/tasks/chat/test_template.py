"""Which tokens of a conversation the assistant writes, whatever the template; checked by decoding them."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import ByT5Tokenizer, PreTrainedTokenizerBase

from luthier.errors import DataError, ModelError
from luthier.models.architectures import TURN_END
from luthier.tasks.chat.rendering import fitting, render_chat
from luthier.tasks.chat.task import Chat
from luthier.tasks.chat.template import assistant_mask, end_tokens, ensure, opening, prompt_ids
from luthier.tokenizers.training import train_tokenizer
from tests.tasks.chat.templates import (
    CALLING,
    CHATML,
    CONVERSATION,
    GEMMA,
    LLAMA3,
    MISTRAL,
    NO_PROMPT,
    PHI3,
    PLAIN,
    QWEN3,
    SMOLLM2,
    TEXT,
    THINKING,
    TOOLS,
    Conversation,
    with_template,
)

# What each template ends an answer with.
ENDS = {
    CHATML: "<|im_end|>",
    NO_PROMPT: "<|im_end|>",
    SMOLLM2: "<|im_end|>",
    LLAMA3: "<|eot_id|>",
    GEMMA: "<end_of_turn>",
    MISTRAL: "<|endoftext|>",
    PLAIN: "\n",
    THINKING: "<|endoftext|>",
}
NAMES = ["chatml", "no-prompt", "smollm2", "llama3", "gemma", "mistral", "plain", "thinking"]


def answers(
    tokenizer: PreTrainedTokenizerBase, messages: Conversation, tools: Sequence[Mapping[str, Any]] | None = None
) -> list[str]:
    """The text of each run of tokens that are the assistant's."""
    ids, mask = assistant_mask(tokenizer, messages, tools)
    assert tokenizer.decode(ids) == render_chat(tokenizer, messages, tools)
    pairs = groupby(zip(ids, mask, strict=True), key=lambda pair: pair[1])
    return [tokenizer.decode([token for token, _ in run]) for ours, run in pairs if ours]


@pytest.mark.parametrize("template", ENDS, ids=NAMES)
def test_each_answer_is_marked_with_its_end_and_nothing_else(template: str) -> None:
    tokenizer = with_template(template)
    space = " " if template == PLAIN else ""  # its prompt ends before the space
    said = [message["content"] for message in CONVERSATION if message["role"] == "assistant"]
    assert answers(tokenizer, CONVERSATION) == [f"{space}{text}{ENDS[template]}" for text in said]


def test_the_end_of_a_whole_conversation_belongs_to_the_last_answer() -> None:
    found = answers(with_template(PHI3), CONVERSATION)
    assert found == ["a<|end|>", "It is <b>sunny</b>.\nAnd Ünï 日本.<|end|>\n<|endoftext|>"]


@pytest.mark.parametrize("template", ENDS, ids=NAMES)
def test_a_prompt_is_what_stands_before_the_answer(template: str) -> None:
    tokenizer = with_template(template)
    if template == THINKING:
        pytest.skip("its prompt begins a thought, which earlier answers are shown without")
    ids, mask = assistant_mask(tokenizer, CONVERSATION)
    assert prompt_ids(tokenizer, CONVERSATION[:2]) == ids[: mask.index(1)]
    last = max(place for place in range(1, len(mask)) if mask[place] > mask[place - 1])
    assert prompt_ids(tokenizer, CONVERSATION[:4]) == ids[:last]


@pytest.mark.parametrize("template", ENDS, ids=NAMES)
def test_generating_stops_at_the_end_of_an_answer(template: str) -> None:
    tokenizer = with_template(template)
    found = set(tokenizer.convert_ids_to_tokens(end_tokens(tokenizer)))
    assert found == ({ENDS[template]} if template != PLAIN else set()) | {"<|endoftext|>"}


def test_generating_does_not_stop_where_a_thought_begins_or_ends() -> None:
    tokenizer = with_template(QWEN3)
    tokenizer.add_tokens(["<think>", "</think>"])
    assert answers(tokenizer, CONVERSATION)[-1].startswith("<think>"), "it is a part of the answer"
    assert tokenizer.convert_ids_to_tokens(end_tokens(tokenizer)) == ["<|im_end|>", "<|endoftext|>"]


@pytest.mark.parametrize("template", [*ENDS, QWEN3, PHI3])
def test_what_a_template_writes_before_an_answer_is_no_part_of_a_reply(template: str) -> None:
    tokenizer = with_template(template)
    written = "<think>\n\n</think>\n\n" if template == QWEN3 else ""
    assert opening(tokenizer).strip() == written.strip()
    ids = tokenizer(f"{written}It is sunny.", add_special_tokens=False)["input_ids"]
    assert Chat().text_of(ids, tokenizer) == "It is sunny."


def test_thoughts_that_a_template_takes_out_of_earlier_turns_are_not_looked_for() -> None:
    turns = [
        {**turn, "content": "<think>hm</think>" + turn["content"]} if turn["role"] == "assistant" else turn
        for turn in CONVERSATION
    ]
    found = answers(with_template(THINKING), turns)
    assert found == ["a<|endoftext|>", "<think>hm</think>It is <b>sunny</b>.\nAnd Ünï 日本.<|endoftext|>"]


@pytest.mark.parametrize("template", ENDS, ids=NAMES)
def test_an_answer_of_weight_0_is_in_the_text_and_not_learned(template: str) -> None:
    tokenizer = with_template(template)
    marked = [turn | {"weight": 0} if turn["content"] == "a" else turn for turn in CONVERSATION]
    assert answers(tokenizer, marked) == answers(tokenizer, CONVERSATION)[1:]
    assert assistant_mask(tokenizer, marked)[0] == assistant_mask(tokenizer, CONVERSATION)[0]


def test_a_template_is_not_given_the_weight() -> None:
    shown = "{% for m in messages %}{{ m.role + ': ' + m.content + m.keys() | join(' ') + '\n' }}{% endfor %}"
    text = render_chat(with_template(shown), [{"role": "assistant", "content": "a", "weight": 0}])
    assert text == "assistant: arole content\n"


def test_an_answer_before_any_question() -> None:
    tokenizer = with_template(CHATML)
    assert answers(tokenizer, CONVERSATION[2:])[0] == "a<|im_end|>"
    assert tokenizer.decode(prompt_ids(tokenizer, [])) == "<|im_start|>assistant\n"


def test_two_answers_in_a_row_are_two() -> None:
    turns = [CONVERSATION[1], CONVERSATION[2], CONVERSATION[4]]
    assert len(answers(with_template(CHATML), turns)) == 2


def test_content_in_parts_is_the_text_of_the_parts() -> None:
    parts = CHATML.replace("m['content']", "(m['content'] if m['content'] is string else m['content'][0]['text'])")
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}]
    assert answers(with_template(parts), turns) == ["Hi<|im_end|>"]


def test_the_default_template_shows_tools_and_their_calls_are_the_assistant_s() -> None:
    tokenizer = with_template(None)
    ensure(tokenizer)
    calls = (
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call><|im_end|>'
    )
    assert answers(tokenizer, CALLING, TOOLS) == [calls, "Sunny.<|im_end|>"]
    text = render_chat(tokenizer, CALLING, TOOLS)
    assert text.index("Be kind.") < text.index('"name": "weather"') < text.index("Weather?") < text.index("sunny")
    assert text.count("<|im_start|>system") == 1


@pytest.mark.parametrize("template", [CHATML, GEMMA, MISTRAL, LLAMA3], ids=["chatml", "gemma", "mistral", "llama3"])
def test_a_template_without_tools_is_given_them_as_text(template: str) -> None:
    tokenizer = with_template(template)
    text = render_chat(tokenizer, CALLING, TOOLS)
    assert text.index("Be kind.") < text.index('"name": "weather"') < text.index("sunny") < text.index("Sunny.")
    call, told = answers(tokenizer, CALLING, TOOLS)
    assert call.startswith(
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>\n<tool_call>'
    )
    assert (call.partition("</tool_call>" + ENDS[template])[1:], told) == (
        ("</tool_call>" + ENDS[template], ""),
        "Sunny." + ENDS[template],
    )
    roles = [message["role"] for message in fitting(tokenizer, CALLING, TOOLS)[0]]
    assert ("tool" in roles) == (template in (CHATML, LLAMA3))
    assert ("system" in roles) == (template in (CHATML, LLAMA3))


@pytest.mark.parametrize("messages", [CONVERSATION, CALLING])
def test_the_default_template_marks_the_same_tokens_for_transformers(messages: Conversation) -> None:
    tokenizer = with_template(None)
    ensure(tokenizer)
    found = tokenizer.apply_chat_template([dict(turn) for turn in messages], return_assistant_tokens_mask=True)
    assert (found["input_ids"], found["assistant_masks"]) == assistant_mask(tokenizer, messages)


@given(st.lists(st.text(max_size=20), min_size=2, max_size=6))
@example(["", ">"])  # how the end-of-turn token ends
def test_any_text_in_the_default_template(contents: list[str]) -> None:
    turns = [{"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(contents)]
    said = [text + TURN_END for text in contents[1::2]]
    assert answers(ANY, turns) == said


ANY = with_template(None)
ensure(ANY)


def test_a_tokenizer_without_a_template_gets_one_and_one_with_keeps_its_own() -> None:
    tokenizer = with_template(None)
    before = len(tokenizer)
    decision = ensure(tokenizer)
    assert decision.value == "ChatML" and len(tokenizer) == before  # ours has the two tokens from the start
    assert tokenizer.eos_token == TURN_END != tokenizer.pad_token
    assert render_chat(tokenizer, CONVERSATION).startswith("<|startoftext|><|im_start|>system\nBe kind.<|im_end|>\n")
    own = with_template(LLAMA3)
    ensure(own)
    assert own.chat_template == LLAMA3


def test_the_turns_become_special_tokens_where_they_were_none() -> None:
    tokenizer = train_tokenizer([TEXT] * 3, 500, family="encoder-decoder")
    before = len(tokenizer)
    assert "2 tokens more" in ensure(tokenizer).why
    assert len(tokenizer) == before + 2
    assert not render_chat(tokenizer, CONVERSATION).startswith(("<s>", "</s>"))
    assert answers(tokenizer, CONVERSATION)[0] == "a<|im_end|>"


def test_a_conversation_that_a_template_refuses_is_told_in_its_words() -> None:
    with pytest.raises(DataError, match="Conversation roles must alternate") as caught:
        assistant_mask(with_template(GEMMA), CONVERSATION[2:])
    assert "assistant, user, assistant" in caught.value.where


def test_a_slow_tokenizer_is_told() -> None:
    with pytest.raises(ModelError, match="fast"):
        assistant_mask(ByT5Tokenizer(chat_template=CHATML), CONVERSATION)


def test_no_template_and_one_that_cannot_be_split_are_told() -> None:
    with pytest.raises(ModelError, match="no chat template"):
        render_chat(with_template(None), CONVERSATION)
    shouting = "{% for m in messages %}{{ m.role + m.content | upper + '\n' }}{% endfor %}"
    with pytest.raises(ModelError, match="the answer 'a'"):
        assistant_mask(with_template(shouting), CONVERSATION)
