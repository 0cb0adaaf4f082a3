"""The kinds of tokenizers that Luthier trains, in words for users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from luthier.errors import UsageError
from luthier.recipe import TokenizerKind


@dataclass(frozen=True)
class About:
    """What a kind of tokenizer does.

    Args:
        what: What its tokens are, and who proposed it.
        normalization: How texts change before they are split.
        splits: How texts are split before the vocabulary applies.
        alphabet: What is always a token; empty if only frequent tokens are kept.
        fewer: Why a vocabulary may be smaller than requested.
    """

    what: str
    normalization: str
    splits: str
    alphabet: str
    fewer: str


_PAIRS = "no further pair of tokens occurs twice"
KINDS: Mapping[TokenizerKind, About] = {
    "word": About("whole words", "none", "at white space and punctuation", "", "no further word occurs twice"),
    "char": About("single characters", "none", "into characters", "", "the texts have no further character"),
    "bpe": About(
        "byte-pair encoding of characters, Sennrich et al. 2016",
        "none",
        "before spaces, which become ▁, and at punctuation",
        "characters",
        _PAIRS,
    ),
    "byte-bpe": About(
        "byte-pair encoding of bytes, as in GPT-2, which encodes any text exactly",
        "none",
        "at spaces, punctuation and numbers",
        "bytes",
        _PAIRS,
    ),
    "wordpiece": About(
        "pieces of words, as in BERT",
        "white space becomes a space, control characters are removed",
        "at white space, punctuation and Chinese characters",
        "characters, at the start of a word and inside,",
        _PAIRS,
    ),
    "unigram": About(
        "a unigram language model of pieces, Kudo 2018",
        "NFKC",
        "before spaces, which become ▁",
        "characters",
        "no further piece makes the texts more likely",
    ),
}
assert tuple(KINDS) == get_args(TokenizerKind)


def kind_named(name: str) -> TokenizerKind:
    """The kind of a name.

    Raises:
        UsageError: There is none; the hint has them all.
    """
    for kind in KINDS:
        if kind == name:
            return kind
    raise UsageError(f"no kind of tokenizer {name!r}", where="kind", hint=f"choose one of {', '.join(KINDS)}")
