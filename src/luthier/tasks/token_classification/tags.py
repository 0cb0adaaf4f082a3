"""Tags of words: their schemes, and conversion to IOB2, which Luthier uses internally."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from luthier.data.columns.tagged import tags_of
from luthier.data.records import Fault
from luthier.data.tag_notation import OUTSIDE, STANDARD, Notation
from luthier.data.values import structured
from luthier.findings import Decision
from luthier.text import count, plural

SCHEMES = ("IOB2", "IOB1", "IOE", "IO", "BIOES", "BILOU")  # BIOES includes BMES and BMEOW
PLAIN = "plain"  # tags without prefixes, each of which counts by itself: parts of speech
COMMON_OUTSIDE = 0.15  # share of O above which tags without prefixes are entities; some tag sets call pronouns O
# What the schemes without prefixes mean for the scores.
DECISIONS = {
    PLAIN: [Decision("tags", "each counts by itself", "they have no B- or I- prefixes, and few or none are O")],
    "IO": [Decision("tags", "equal neighbours are one entity", "they have no B- or I- prefixes, and O is common")],
}
# IOB2 prefixes for middle, last and single words in the longer schemes.
_AS_IOB2 = {"M": "I", "E": "I", "L": "I", "S": "B", "W": "B", "U": "B"}


def scheme_of(sequences: Iterable[Sequence[str]], notation: Notation = STANDARD) -> str:
    """The scheme that tags are written in: one of `SCHEMES`, or `PLAIN`.

    E-, M-, S- or W- mean BIOES, U- or L- mean BILOU; ends without any begin mean IOE. Tags without a prefix are IO if O
    is common, as it is where entities are marked, else PLAIN. Otherwise it is IOB1 if entities begin with I- more often
    than with a B- that IOB1 does not use: one that follows no entity of its type.

    Args:
        sequences: The tags of each sentence.
        notation: How they are written.
    """
    prefixes: Counter[str] = Counter()
    bare: Counter[str] = Counter()
    outside = begun_by_i = free_b = 0
    for tags in sequences:
        before = ""
        for tag in tags:
            prefix, kind = notation.split(tag)
            prefixes[prefix] += 1
            bare[tag] += bool(kind and not prefix)
            outside += not kind
            begun_by_i += prefix == "I" and kind != before
            free_b += prefix == "B" and kind != before
            before = kind
    longer = {"BIOES": sum(prefixes[one] for one in "EMSW"), "BILOU": prefixes["U"] + prefixes["L"]}
    if any(longer.values()):
        if prefixes["I"] and not any(prefixes[one] for one in "BMSUW"):
            return "IOE"
        return max(longer, key=lambda scheme: longer[scheme])
    if bare.total() > prefixes["B"] + prefixes["I"]:
        common = outside >= max(bare.values()) or outside >= COMMON_OUTSIDE * (outside + bare.total())
        return "IO" if common else PLAIN
    return "IOB1" if begun_by_i > free_b else "IOB2"


def to_iob2(tags: Sequence[str], scheme: str, notation: Notation = STANDARD) -> list[str]:
    """Convert the tags of one sentence to IOB2; invalid tags stay invalid, see `invalid`.

    Args:
        tags: The tag of each word.
        scheme: One of `SCHEMES`, or `PLAIN`, whose tags stay as they are.
        notation: How they are written.
    """
    names = _AS_IOB2 if notation.marked else {}  # whatever the scheme: other rows may have longer marks
    found = []
    before = ""
    ended = False
    for tag in tags:
        prefix, kind = notation.split(tag)
        if not kind:
            found.append(OUTSIDE)
        elif scheme in ("IO", "IOB1", "IOE"):
            begins = kind != before or names.get(prefix, prefix) == "B" or ended
            found.append(f"{'B' if begins else 'I'}-{kind}")
        else:
            found.append(f"{names.get(prefix, prefix)}-{kind}" if prefix else tag)
        before, ended = kind, scheme == "IOE" and prefix in ("E", "L")
    return found


def invalid(tags: Sequence[str]) -> list[int]:
    """The positions of I- tags that do not continue an entity of their type, in one sentence (IOB2)."""
    parts = [("", ""), *map(STANDARD.split, tags)]
    pairs = enumerate(pairwise(parts))
    return [place for place, ((_, before), (prefix, kind)) in pairs if prefix == "I" and kind != before]


def repair(tags: Sequence[str]) -> list[str]:
    """Replace every I- that continues nothing with B-; conlleval also counts such entities."""
    wrong = set(invalid(tags))
    return [f"B{tag[1:]}" if place in wrong else tag for place, tag in enumerate(tags)]


def read_tokens(
    values: Mapping[str, Any], columns: Mapping[str, str | list[str]]
) -> tuple[list[str], list[str]] | Fault:
    """The words of a row and their tags, unchanged, or why the row is skipped.

    Args:
        values: Column to value.
        columns: The columns of the roles `tokens` and `tags`.
    """
    words = structured(values.get(str(columns["tokens"])))
    words = words.split() if isinstance(words, str) else words
    found = {"tokens": words, "tags": tags_of(values.get(str(columns["tags"])))}
    for role, cell in found.items():
        if not isinstance(cell, list | tuple) or not cell:
            reason = "missing-label" if role == "tags" else "missing-text" if cell is None else "empty-text"
            return Fault(reason, f"column {columns[role]!r} has no list of {role}")
    tokens, tags = found["tokens"], found["tags"]
    if len(tokens) != len(tags):
        detail = f"{plural(len(tokens), 'token')} and {plural(len(tags), 'tag')}"
        return Fault("length-mismatch", detail)
    if None in tags or None in tokens:
        place = next(place for place, pair in enumerate(zip(tokens, tags, strict=True)) if None in pair)
        return Fault("missing-label", f"word {count(place + 1)} has no tag, or there is no word")
    return [str(token) for token in tokens], [str(tag) for tag in tags]
