"""What texts lose when a tokenizer encodes and decodes them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

from transformers import PreTrainedTokenizerBase

from luthier.tokenizers.suitability import encode

KINDS_OF_LOSS = ("unknown", "case", "accents", "spacing", "line breaks", "characters")
BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
SPACED = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")  # line breaks with the blanks around them


def losses_of(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], encoded: Sequence[Sequence[int]], unknown: Collection[str]
) -> dict[str, float]:
    """Kind of loss to the share of texts that have it. A text may have several.

    Args:
        tokenizer: Encodes and decodes.
        texts: The texts.
        encoded: Their tokens, without special ones.
        unknown: The words that have an unknown token. What the rest of their text loses is seen without them.
    """
    found, again = Counter[str](), list[str]()
    for text, ids in zip(texts, encoded, strict=True):
        if tokenizer.unk_token_id is None or tokenizer.unk_token_id not in ids:
            found.update(lost(text, _decoded(tokenizer, ids)))
        else:
            found["unknown"] += 1
            again.append(_without(text, unknown))
    for text, ids in zip(again, encode(tokenizer, again), strict=True):
        if tokenizer.unk_token_id not in ids:
            found.update(lost(text, _decoded(tokenizer, ids)))
    return {kind: found[kind] / len(texts) for kind in KINDS_OF_LOSS}


def lost(text: str, decoded: str) -> list[str]:
    """The kinds of loss between a text whose words are all known and what became of it.

    Args:
        text: The text.
        decoded: The same after encoding and decoding. A space before it is no loss: many tokenizers add one.
    """
    decoded = decoded if text.startswith(" ") else decoded.removeprefix(" ")
    if text == decoded:
        return []
    found = []
    broken = len(BREAK.findall(text)) != len(BREAK.findall(decoded))
    before, after = ((SPACED.sub(" ", one).strip() if broken else one) for one in (text, decoded))
    letters, theirs = ("".join(one.split()) for one in (text, decoded))
    if sum(one != one.lower() for one in letters) > sum(one != one.lower() for one in theirs):
        found.append("case")
    if _marks(letters) > _marks(theirs):
        found.append("accents")
    same = _plain(letters) == _plain(theirs)
    if same and _plain(before) != _plain(after):
        found.append("spacing")
    if broken:
        found.append("line breaks")
    return found if found and same else [*found, "characters"]


def _decoded(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _without(text: str, unknown: Collection[str]) -> str:
    """A text without some of its words, and without the blanks before them."""
    parts = re.findall(r"\s*\S+|\s+$", text)
    kept = "".join(part for part in parts if part.strip() not in unknown)
    return kept if text[:1].isspace() else kept.lstrip()


def _marks(text: str) -> int:
    """The number of accents and similar marks."""
    return sum(unicodedata.combining(one) > 0 for one in unicodedata.normalize("NFD", text))


def _plain(text: str) -> str:
    """A text without case and accents."""
    return "".join(one for one in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(one))
