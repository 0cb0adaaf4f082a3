"""From text to token ids: what a tokenizer does, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Cut:
    """How a tokenizer cuts a text, without special tokens.

    Args:
        text: The text.
        normalized: What its normalizer makes of the text; equal to it without one.
        pieces: What its pre-tokenizer makes of that; tokens never cross their ends. Empty without one.
    """

    text: str
    normalized: str
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """An input, and how the tokenizer cuts its texts.

    Args:
        values: Role to value.
        cuts: Role to how its text is cut.
        unread: Tokens that the length limit cuts off.
    """

    values: Mapping[str, Any]
    cuts: Mapping[str, Cut]
    unread: int


@dataclass(frozen=True)
class Tokens:
    """The tokens of a sequence that a model reads or writes.

    Args:
        ids: Token ids.
        tokens: Their names in the vocabulary.
        texts: What each of them says alone.
        special: Which of them are special.
    """

    ids: Sequence[int]
    tokens: Sequence[str]
    texts: Sequence[str]
    special: Sequence[bool]

    @classmethod
    def of(cls, ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> "Tokens":
        special = set(tokenizer.all_special_ids)
        names = [str(name) for name in tokenizer.convert_ids_to_tokens(list(ids))]
        texts = [str(tokenizer.decode([one])) for one in ids]
        return cls(list(ids), names, texts, [one in special for one in ids])


def cut(text: str, tokenizer: PreTrainedTokenizerBase) -> Cut:
    """How a tokenizer cuts a text before its model makes tokens of the pieces."""
    if not tokenizer.is_fast:
        return Cut(text, text, ())
    backend = tokenizer.backend_tokenizer
    normalized = backend.normalizer.normalize_str(text) if backend.normalizer else text
    pieces = backend.pre_tokenizer.pre_tokenize_str(normalized) if backend.pre_tokenizer else ()
    return Cut(text, normalized, tuple(piece for piece, _ in pieces))
