"""Long texts in windows: which tokens belong to which words, and which window decides for each word."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from transformers import PreTrainedTokenizerBase

from luthier.data.tokenized import EXAMPLES, Features, Limits
from luthier.errors import ModelError, UsageError

NO_WORD = -1
Offsets = Sequence[tuple[int, int]]


def encode_windows(
    tokenizer: PreTrainedTokenizerBase,
    first: Sequence[str],
    second: Sequence[str] | None,
    limits: Limits | None,
    *,
    beside: int = 0,
) -> Features:
    """Encode texts, or pairs with a long second text, in windows that share up to `limits.stride` tokens.

    Args:
        tokenizer: A fast tokenizer: only these give the offsets of tokens in the text.
        first: The texts, or the first of each pair.
        second: The second of each pair.
        limits: None for one window per text, of any length.
        beside: Maximum tokens of the first text of a pair.
    Returns:
        The tokenizer's features, `offsets` of each token in its text, `sequences` (which text it is in) and `examples`.
    Raises:
        ModelError: The tokenizer is not a fast one.
        UsageError: A window has no room for a token of the text.
    """
    if not tokenizer.is_fast:
        raise ModelError(
            "the tokenizer does not return the offsets of its tokens",
            where=type(tokenizer).__name__,
            hint="choose a model with a fast tokenizer (one that has a tokenizer.json)",
        )
    cutting: dict[str, Any] = {}
    if limits is not None:
        truncation = "longest_first" if second is None else "only_second"
        taken = tokenizer.num_special_tokens_to_add(pair=second is not None) + beside
        if taken >= limits.length:
            raise UsageError(
                f"a window of {limits.length} tokens has no room for the text: the other parts of the row take {taken}",
                where="data.max_length",
                hint=f"--set max_length={4 * taken} or more",
            )
        # Each window must begin after the start of the one before.
        stride = min(limits.stride, limits.length - taken - 1)
        cutting = {"truncation": truncation, "max_length": limits.length, "stride": stride}
    encoded = tokenizer(
        list(first),
        list(second) if second is not None else None,
        return_offsets_mapping=True,
        return_overflowing_tokens=limits is not None,
        **cutting,
    )
    features: Features = dict(encoded)
    owners = features.pop("overflow_to_sample_mapping", range(len(first)))
    features[EXAMPLES] = [[int(owner)] for owner in owners]
    features["offsets"] = [[list(pair) for pair in offsets] for offsets in features.pop("offset_mapping")]
    features["sequences"] = [
        [NO_WORD if part is None else part for part in encoded.sequence_ids(row)] for row in range(len(owners))
    ]
    return features


def first_tokens(text: str, tokens: Offsets, sequences: Sequence[int], words: Offsets) -> tuple[list[int], list[int]]:
    """For each token, the word whose first token it is, and the word that it belongs to; -1 for none.

    Args:
        text: The text that contains the words.
        tokens: Start and end of each token.
        sequences: 0 for a token of the text, -1 for a special token.
        words: Start and end of each word, in order.
    """
    first: list[int] = []
    every: list[int] = []
    for (start, end), part in zip(tokens, sequences, strict=True):
        start = past_blank(text, start, end)
        word = bisect_right(words, start, key=itemgetter(0)) - 1 if part == 0 and start < end else NO_WORD
        word = word if word != NO_WORD and start < words[word][1] else NO_WORD
        # A window may begin in the middle of a word that starts in the window before.
        opens = word != NO_WORD and all(other == NO_WORD for other in every)
        cut_off = opens and any(letter.isalnum() for letter in text[words[word][0] : start])
        first.append(NO_WORD if word == NO_WORD or cut_off or word in every[-1:] else word)
        every.append(word)
    return first, every


def past_blank(text: str, start: int, end: int) -> int:
    """The start of a token without its leading whitespace, which byte-level tokens include."""
    while start < end and text[start].isspace():
        start += 1
    return start


def swallowed(tokens: Offsets, every: Sequence[int], words: Offsets) -> list[int]:
    """The words in which no token begins because a token of an earlier word covers them, such as the `.` of `St.`.

    Args:
        tokens: Start and end of each token.
        every: The word that each token belongs to, from `first_tokens`.
        words: Start and end of each word, in order.
    """
    reached: set[int] = set()
    for (_, end), word in zip(tokens, every, strict=True):
        after = word + 1
        while word != NO_WORD and after < len(words) and words[after][0] < end:
            reached.add(after)
            after += 1
    return sorted(reached.difference(every))


def once(first: Sequence[Sequence[int]], owners: Sequence[int]) -> list[list[int]]:
    """The words whose first token each token is, each in one window alone, so that it is learned and counted once.

    Args:
        first: The words of each window, from `first_tokens`.
        owners: The text of each window.
    """
    places: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for window, words in enumerate(first):
        for place, word in enumerate(words):
            if word != NO_WORD:
                places.setdefault((owners[window], word), []).append((window, place))
    found = [[NO_WORD] * len(words) for words in first]
    for (_, word), several in places.items():
        window, place = several[most_context([(place, len(first[window])) for window, place in several])]
        found[window][place] = word
    return found


def most_context(places: Sequence[tuple[int, int]]) -> int:
    """The index of the (place, length of the window) in which a token has the most context on its shorter side."""
    return max(range(len(places)), key=lambda i: min(places[i][0], places[i][1] - 1 - places[i][0]))
