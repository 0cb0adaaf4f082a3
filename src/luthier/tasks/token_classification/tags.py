"""Tags of words: the schemes they are written in, and IOB2, which is what the rest works with."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from luthier.data.records import Fault
from luthier.data.values import structured
from luthier.tasks.token_classification.annotations import Span
from luthier.text import count, plural

SCHEMES = ("IOB2", "IOB1", "IO", "BIOES", "BILOU")
OUTSIDE = "O"
_TAG = re.compile(r"([BIESLU])[-_](.+)")
# What the ends and the single words of the longer schemes are in IOB2.
_AS_IOB2 = {"BIOES": {"S": "B", "E": "I"}, "BILOU": {"U": "B", "L": "I"}}


def scheme_of(sequences: Iterable[Sequence[str]]) -> str:
    """The scheme that tags are written in, one of `SCHEMES`.

    E- or S- mean BIOES, U- or L- mean BILOU, tags without a prefix IO. Else it is IOB1 where entities begin with I-
    more often than with a B- that IOB1 would not write: one that follows no entity of its type.

    Args:
        sequences: The tags of each sentence.
    """
    prefixes: Counter[str] = Counter()
    bare = begun_by_i = free_b = 0
    for tags in sequences:
        before = ""
        for tag in tags:
            prefix, kind = _split(tag)
            prefixes[prefix] += 1
            bare += bool(kind and not prefix)
            begun_by_i += prefix == "I" and kind != before
            free_b += prefix == "B" and kind != before
            before = kind
    longer = {"BIOES": prefixes["E"] + prefixes["S"], "BILOU": prefixes["U"] + prefixes["L"]}
    if any(longer.values()):
        return max(longer, key=lambda scheme: longer[scheme])
    if bare > prefixes["B"] + prefixes["I"]:
        return "IO"
    return "IOB1" if begun_by_i > free_b else "IOB2"


def to_iob2(tags: Sequence[str], scheme: str) -> list[str]:
    """Tags of one sentence, written in a scheme, in IOB2; what is not valid there stays so, see `invalid`.

    Args:
        tags: Of each word.
        scheme: One of `SCHEMES`.
    """
    names = _AS_IOB2.get(scheme, {})
    found = []
    before = ""
    for tag in tags:
        prefix, kind = _split(tag)
        if not kind:
            found.append(OUTSIDE)
        elif scheme in ("IO", "IOB1"):
            found.append(f"{'I' if kind == before and prefix != 'B' else 'B'}-{kind}")
        else:
            found.append(f"{names.get(prefix, prefix)}-{kind}" if prefix else tag)
        before = kind
    return found


def invalid(tags: Sequence[str]) -> list[int]:
    """Where an I- does not continue an entity of its type, as positions in the tags of one sentence (IOB2)."""
    kinds = ["", *(_split(tag)[1] for tag in tags)]
    return [place for place, tag in enumerate(tags) if _split(tag)[0] == "I" and kinds[place] != kinds[place + 1]]


def repair(tags: Sequence[str]) -> list[str]:
    """Tags in which every I- that continues nothing is a B-: the rule of conlleval, by which such an entity counts."""
    wrong = set(invalid(tags))
    return [f"B{tag[1:]}" if place in wrong else tag for place, tag in enumerate(tags)]


def spans_of_tags(offsets: Sequence[Sequence[int]], tags: Sequence[str]) -> list[Span]:
    """The entities that tags in IOB2 mark, in characters; an I- that continues nothing begins one.

    Args:
        offsets: [w, 2], where each word starts and ends
        tags: [w]
    """
    spans: list[Span] = []
    for (start, end), tag in zip(offsets, repair(tags), strict=True):
        prefix, kind = _split(tag)
        if prefix == "B":
            spans.append(Span(start=start, end=end, label=kind))
        elif prefix == "I":
            spans[-1]["end"] = end
    return spans


def read_tokens(
    values: Mapping[str, Any], columns: Mapping[str, str | list[str]]
) -> tuple[list[str], list[str]] | Fault:
    """The words of a row and their tags, as they are written, or why the row cannot be used.

    Args:
        values: Column to value.
        columns: The columns of the roles `tokens` and `tags`.
    """
    found = {role: structured(values.get(str(columns[role]))) for role in ("tokens", "tags")}
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


def _split(tag: str) -> tuple[str, str]:
    """The prefix of a tag and its type: `B` and `PER`, or nothing and `PER` where there is no prefix; O has neither."""
    if tag == OUTSIDE:
        return "", ""
    found = _TAG.fullmatch(tag)
    return (found[1], found[2]) if found else ("", tag)
