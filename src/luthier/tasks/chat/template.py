"""The chat template of a tokenizer, and which tokens of a conversation are the assistant's."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import takewhile

from transformers import PreTrainedTokenizerBase

from luthier.errors import DataError, ModelError
from luthier.findings import Decision
from luthier.models.architectures import TURN_END, TURN_START
from luthier.tasks.chat.messages import is_learned
from luthier.tasks.chat.rendering import (
    DEFAULT_CHAT_TEMPLATE,
    MARK,
    Message,
    Tools,
    fitting,
    prompt_text,
    render_chat,
    rendered,
    text_of,
)
from luthier.text import plural, shorten

_ASKED = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "?"}]


def ensure(tokenizer: PreTrainedTokenizerBase) -> Decision:
    """Give a tokenizer without a chat template the default one: turns between `<|im_start|>` and `<|im_end|>`.

    Both become special tokens if they are not already, so the model's embeddings may have to grow (`grow_embeddings`).
    The second becomes the end token, so that generation stops after the turn.
    """
    if tokenizer.chat_template:
        return Decision("chat template", "the model's own", "it comes with the tokenizer")
    # The template must write the start token itself, for models that expect one.
    begins = tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    tokenizer.chat_template = ("{{- bos_token -}}\n" if begins else "") + DEFAULT_CHAT_TEMPLATE
    new = tokenizer.add_tokens([TURN_START, TURN_END], special_tokens=True)
    tokenizer.eos_token = TURN_END
    told = f"the tokenizer has none; {plural(new, 'token')} more in the vocabulary" if new else "the tokenizer has none"
    return Decision("chat template", "ChatML", told)


def end_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The ids that end an answer in generation: the template's end-of-turn token, and the end token."""
    ids, mask = assistant_mask(tokenizer, _ASKED)
    text = rendered(tokenizer, _ASKED, None)
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    said = text.rindex("?")  # what stands before it, such as the <think> of Qwen3, begins the answer
    closing = [
        token
        for token, ours, (start, _) in zip(ids, mask, offsets, strict=True)
        if ours and start > said and token in tokenizer.added_tokens_decoder
    ]
    end = [tokenizer.eos_token_id] if isinstance(tokenizer.eos_token_id, int) else []
    return list(dict.fromkeys([*closing, *end]))


def opening(tokenizer: PreTrainedTokenizerBase) -> str:
    """What the template writes before an answer, after the prompt: an empty thought, as Qwen3's; empty for most."""
    text, prompt = rendered(tokenizer, _ASKED, None), prompt_text(tokenizer, _ASKED[:1], None)
    return text[len(prompt) : text.rindex("?")] if text.startswith(prompt) else ""


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Tools | None = None
) -> list[int]:
    """The tokens of a conversation up to where the assistant's next answer begins. Arguments as for `render_chat`."""
    text = render_chat(tokenizer, messages, tools, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def latest_ids(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Tools | None, room: int
) -> list[int]:
    """As `prompt_ids`, at most `room` tokens: the system message, and the last turns, from a user's, that fit with it.

    If not even the last user's turn fits, the tokens at the end of the whole prompt.
    """
    whole = prompt_ids(tokenizer, messages, tools)
    if len(whole) <= room:
        return whole
    system = 1 if messages and messages[0]["role"] == "system" else 0
    begins = [place for place, message in enumerate(messages) if message["role"] == "user" and place > system]

    def latest(begin: int) -> list[int]:
        return prompt_ids(tokenizer, [*messages[:system], *messages[begin:]], tools)

    try:
        first = bisect_left(begins, True, key=lambda begin: len(latest(begin)) <= room)
        return latest(begins[first]) if first < len(begins) else whole[-room:]
    except DataError:  # the template takes the whole conversation only
        return whole[-room:]


def assistant_mask(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], tools: Tools | None = None
) -> tuple[list[int], list[int]]:
    """The tokens of a conversation, and which of them are learned: each answer with its end-of-turn token.

    An answer begins where the generation prompt of the conversation before it ends, which is where generation begins;
    so this works for any template, whether or not it marks answers.

    Args:
        tokenizer: A fast tokenizer with a chat template.
        messages: The conversation. Answers with `weight` 0 are not learned.
        tools: As for `render_chat`.
    Returns:
        Token ids, and a mask: 1 for tokens of the assistant that are learned, 0 for the others.
    Raises:
        DataError: The template refuses the conversation.
        ModelError: There is no template, or the answers in its text cannot be located.
    """
    if not tokenizer.is_fast:
        raise ModelError(
            "the tokenizer does not return the offsets of its tokens: it is not a fast tokenizer",
            where=tokenizer.name_or_path,
            hint="choose a model with a tokenizer.json",
        )
    messages, tools = fitting(tokenizer, messages, tools)
    text = rendered(tokenizer, messages, tools)
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoding["input_ids"], encoding["offset_mapping"]
    mask = [0] * len(ids)
    for turn, message in enumerate(messages):
        if not is_learned(message):
            continue
        span = _by_prompt(tokenizer, messages, turn, tools, text) or _by_mark(tokenizer, messages, turn, tools, text)
        if span is None:
            raise ModelError(
                f"cannot find the answer {shorten(text_of(message), 40)!r} in the output of the chat template",
                where=tokenizer.name_or_path,
                hint="use a chat template that does not change earlier turns when later ones follow",
            )
        for place, (start, end) in enumerate(offsets):
            # Some tokenizers exclude whitespace from offsets, so that a whitespace token covers no character.
            if end > span[0] and min(start, end - 1) < span[1]:
                mask[place] = 1
    return ids, mask


def _by_prompt(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], turn: int, tools: Tools | None, text: str
) -> tuple[int, int] | None:
    """Characters from the end of the generation prompt to the end of the turn; None if the template changes the text
    before."""
    try:
        prompt = prompt_text(tokenizer, messages[:turn], tools)
        through = rendered(tokenizer, messages[: turn + 1], tools)
    except DataError:
        return None
    if not text.startswith(prompt):
        return None
    end = len(prompt) + _shared(tokenizer, through[len(prompt) :], text[len(prompt) :])
    answer = text_of(messages[turn]).strip()
    written = text[len(prompt) : end]
    if not written.strip() or answer not in written:
        return None
    closed = written.rstrip()
    # If only whitespace closes a turn, it is learned too. An answer may look like the end of a turn: `>`.
    bare = bool(answer) and not closed.partition(answer)[2]
    return len(prompt), len(prompt) + len(written if bare else closed)


def _by_mark(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], turn: int, tools: Tools | None, text: str
) -> tuple[int, int] | None:
    """The same, found by putting a mark in the place of the answer; None if there is no answer to replace."""
    if not text_of(messages[turn]).strip():
        return None
    marked = [{**message, "content": MARK} if i == turn else message for i, message in enumerate(messages)]
    try:
        before, found, after = rendered(tokenizer, marked, tools).partition(MARK)
        tail = rendered(tokenizer, marked[: turn + 1], tools).partition(MARK)[2]
    except DataError:
        return None
    if not found or len(before) + len(after) >= len(text) or not text.startswith(before) or not text.endswith(after):
        return None
    closing = after[: _shared(tokenizer, tail, after)]
    return len(before), len(text) - len(after) + len(closing.rstrip() or closing)


def _shared(tokenizer: PreTrainedTokenizerBase, first: str, second: str) -> int:
    """The characters that two texts share at their start, in whole tokens: `<|end|>` and `<|user|>` share none."""
    if second.startswith(first):
        return len(first)
    encodings = [tokenizer(text, add_special_tokens=False, return_offsets_mapping=True) for text in (first, second)]
    pairs = zip(*(encoding["input_ids"] for encoding in encodings), strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return int(encodings[1]["offset_mapping"][same - 1][1]) if same else 0
