"""Contexts of several passages: a list of texts, or of objects with a text each, as in MS MARCO."""

from collections.abc import Mapping
from typing import Any

from luthier.data.columns.profile import ColumnProfile
from luthier.data.columns.roles import by_name, is_named
from luthier.data.values import is_missing

CONTEXT_NAMES = (
    *("context", "passage", "paragraph", "review", "document", "article", "support", "evidence", "background"),
    *("story", "text", "body"),
)
_PASSAGES_NAMES = (*CONTEXT_NAMES[:9], *(f"{name}s" for name in CONTEXT_NAMES[:7]), "ctxs", "search results")
_TEXT_NAMES = (
    *("passage text", "paragraph text", "text", "passage", "paragraph", "context", "sentences", "content", "contents"),
    *("document", "body", "snippet"),
)
_FEWEST_WORDS = 8  # on average of a list's passages together; shorter lists hold names or ids


def passages_in(profiles: Mapping[str, ColumnProfile]) -> tuple[list[str], list[str]]:
    """The columns, or fields of columns of objects, that hold the passages of each row; and columns that seem to.

    Returns:
        Those that can be read, best first, and those that are called like passages without a known field of text.
    """
    found, unknown = [], []
    for name in by_name(profiles, _PASSAGES_NAMES, lambda column: bool(column.structure.lengths)):
        column = profiles[name]
        if not is_named(name, _PASSAGES_NAMES):
            continue
        fields = by_name(column.fields, [f"{name} {text}" for text in _TEXT_NAMES], _are_texts)
        if _are_texts(column):
            found.append(name)
        elif fields:
            found.append(fields[0])
        elif column.structure.keys:
            unknown.append(name)
    return found, unknown


def joined(cell: Any) -> str:
    """The passages of a cell in their order, with blank lines between; the sentences of a passage with spaces."""
    passages = cell if isinstance(cell, list) else [cell]
    return "\n\n".join(" ".join(texts) for passage in passages if (texts := _texts(passage)))


def _texts(cell: Any) -> list[str]:
    if isinstance(cell, list | tuple):
        return [text for one in cell for text in _texts(one)]
    return [] if is_missing(cell) or isinstance(cell, dict) else [str(cell).strip()]


def _are_texts(column: ColumnProfile) -> bool:
    return column.structure.item in ("text", "list") and column.mean_words >= _FEWEST_WORDS
