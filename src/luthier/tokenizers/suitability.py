"""How well a tokenizer suits texts: what it does not know, and how many tokens it takes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import regex
from transformers import PreTrainedTokenizerBase

from luthier.models.quiet import quiet

SAMPLE = 1_000  # texts that are looked at
LONGEST = 2_000  # characters of a text that are looked at
FEWEST_WORDS = 100  # of which a mean says something
# Scripts without spaces between words, in which a word cannot be counted, but a character can.
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
# A few sentences in the style of news, written for this comparison: what an English tokenizer is made for.
ENGLISH_NEWS = (
    "The city council voted on Tuesday to spend 12 million dollars on a new bridge across the river. Work will begin "
    "in March and should take about two years, the mayor told reporters after the meeting. Two members opposed the "
    "plan, saying that the money was needed for schools and hospitals.",
    "Shares in the company fell by nearly 4 percent after it warned that profits this year would be lower than "
    "expected. The chief executive blamed rising costs and weak demand in Europe, but said there were no plans to "
    "close factories.",
    "The home side won the final 2-1 with a goal in the last minute of extra time. Their captain, who had missed most "
    "of the season with a knee injury, said it was the best night of his career.",
    "Scientists have found that the ice in the north of the island is melting faster than they had thought. The study, "
    "published on Friday, used pictures taken by satellites over the past twenty years.",
)


@dataclass(frozen=True)
class Density:
    """How many tokens texts take.

    Args:
        tokens: Their tokens.
        units: Their words between spaces; or their characters, of scripts that put no spaces between words.
        spaced: Which of the two.
    """

    tokens: int
    units: int
    spaced: bool

    @property
    def mean(self) -> float:
        return self.tokens / self.units if self.units else 0.0


def spaced(texts: Sequence[str]) -> bool:
    """Whether most characters of texts are of scripts that put spaces between words."""
    characters = sum(len("".join(text.split())) for text in texts)
    return 2 * sum(len(UNSPACED.findall(text)) for text in texts) <= characters


def units(text: str, *, words: bool) -> list[str]:
    """The words of a text, between white space; or its characters without white space."""
    return text.split() if words else list("".join(text.split()))


def density(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Density:
    """How many tokens texts take, of each word or character."""
    tokens, words = sum(map(len, encode(tokenizer, texts))), spaced(texts)
    return Density(tokens, sum(len(units(text, words=words)) for text in texts), words)


def unknown_parts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Counter[str]:
    """The parts of texts that become unknown tokens; none of a slow tokenizer, which does not say where a token is."""
    unknown = tokenizer.unk_token_id
    if unknown is None or not tokenizer.is_fast or not texts:
        return Counter()
    found = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True)
    return Counter(
        text[start:end].strip()
        for text, ids, offsets in zip(texts, found["input_ids"], found["offset_mapping"], strict=True)
        for one, (start, end) in zip(ids, offsets, strict=True)
        if one == unknown and text[start:end].strip()
    )


def encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of texts, without special ones."""
    if not texts:
        return []
    with quiet():
        ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)[
            "input_ids"
        ]
    return ids
