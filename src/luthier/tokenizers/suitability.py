"""How well a tokenizer suits texts: what it does not know, how many tokens it takes, and what it does not give back."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex
from transformers import PreTrainedTokenizerBase

SAMPLE = 1_000  # texts that are looked at
LONGEST = 2_000  # characters of a text that are looked at
FEWEST_WORDS = 100  # of which a mean says something
# Scripts without spaces between words, in which a word cannot be counted, but a character can.
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
BREAK = regex.compile(r"\s*\n\s*")
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


def density(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Density:
    """How many tokens texts take, of each word or character."""
    tokens = sum(map(len, _ids(tokenizer, texts)))
    characters = sum(len("".join(text.split())) for text in texts)
    unspaced = sum(len(UNSPACED.findall(text)) for text in texts)
    if 2 * unspaced > characters:
        return Density(tokens, characters, spaced=False)
    return Density(tokens, sum(len(text.split()) for text in texts), spaced=True)


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


def losses(text: str, back: str) -> list[str]:
    """What a text has lost in the text that its tokens give back, without regard to blanks at its ends.

    Returns:
        Any of `line breaks`, `blanks`, `case`, `accents`, `forms of characters` (such as a ligature), or `characters`.
    """
    return list(_losses(text.strip(), back.strip()))


def _losses(text: str, back: str) -> Iterator[str]:
    if text.count("\n") != back.count("\n"):
        yield "line breaks"
    text, back = (BREAK.sub(" ", one) for one in (text, back))
    bare, bare_back = ("".join(one.split()) for one in (text, back))
    if bare == bare_back:
        if text != back:
            yield "blanks"
        return
    if _forms(bare) == _forms(bare_back):
        yield "forms of characters"
    elif bare.lower() == bare_back.lower():
        yield "case"
    elif _plain(bare) == _plain(bare_back):
        yield "accents"
    elif _plain(bare.lower()) == _plain(bare_back.lower()):
        yield from ("case", "accents")
    else:
        yield "characters"


def _forms(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _plain(text: str) -> str:
    """A text without accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    return tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []
