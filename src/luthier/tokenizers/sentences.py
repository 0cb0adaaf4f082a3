"""A few sentences of texts that show how tokenizers differ, and where their words start."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import log

from luthier.tokenizers.suitability import units

SHORTEST, LONGEST = 40, 90  # characters
END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])|\s*\n\s*")  # the latter three of Chinese and Japanese


def choose_sentences(texts: Iterable[str], known: Mapping[str, int], *, words: bool = True) -> list[str]:
    """Choose a typical sentence and the one with the rarest words; fewer if the texts have fewer.

    Args:
        texts: The texts to choose from.
        known: Count of each word in other texts: what is rare there is rare.
        words: As in `units`.
    """
    found = list(dict.fromkeys(one for text in texts for one in END.split(text.strip()) if one.strip()))
    short = [one for one in found if SHORTEST <= len(one) <= LONGEST] or [one[:LONGEST] for one in found]
    ranked = sorted(short, key=lambda one: (_rarity(units(one, words=words), known), one))
    return list(dict.fromkeys([ranked[len(ranked) // 2], ranked[-1]])) if ranked else []


def word_starts(sentence: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Which tokens of a sentence begin with white space, or come after it.

    Args:
        sentence: The sentence.
        offsets: First character of each token, and the one after its last; empty if they are not known.
    """
    ends = [0, *(end for _, end in offsets)]
    return [at for at, (start, _) in enumerate(offsets) if any(map(str.isspace, sentence[ends[at] : start + 1]))]


def _rarity(words: Sequence[str], known: Mapping[str, int]) -> float:
    """How rare words are in the mean: minus the logarithm of their counts."""
    return -sum(log(known.get(word, 0) + 0.5) for word in words) / max(len(words), 1)
