"""Texts that are the tags of words: `O O B-PER`, beside a text of three words."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.columns.structure import Structure
from luthier.data.tag_notation import OUTSIDE, notation_of
from luthier.data.values import structured

_FIRST = 50  # cells that show whether the others are worth splitting
_SURE = 0.95
_GAP = re.compile(r"\s*,\s*|\s+")


@dataclass(frozen=True, slots=True)
class Tagged:
    """Tags in the cells of a column: how many each cell has, as the lengths of lists, and how often each occurs."""

    structure: Structure
    parts: Counter[str]


def tagged_in(values: Sequence[Any]) -> Tagged | None:
    """The tags in the cells of a column of texts; None if they are others.

    Args:
        values: The cells in row order; None if missing.
    """
    present = [value for value in values if value is not None]
    if not present or not all(isinstance(value, str) for value in present):
        return None
    if not are_tags(Counter(tag for value in present[:_FIRST] for tag in tags_of(value))):
        return None
    rows = [[] if value is None else tags_of(value) for value in values]
    parts = Counter(tag for row in rows for tag in row)
    if not are_tags(parts) or parts.total() < 2 * len(present):
        return None
    return Tagged(Structure("text", lengths=tuple(len(row) or -1 for row in rows), written=True), parts)


def tags_of(cell: Any) -> Any:
    """The tags of a cell that is a list of them, or a text with blanks or commas between them; else the cell."""
    found = structured(cell)
    return [tag for tag in _GAP.split(found.strip()) if tag] if isinstance(found, str) else found


def are_tags(parts: Counter[str]) -> bool:
    """Whether nearly all of the parts of a column are tags such as B-PER, I-PER and O."""
    if parts.keys() <= {OUTSIDE}:
        return False
    notation = notation_of(parts)
    tagged = sum(n for part, n in parts.items() if notation.reads(part))
    return notation.marked and tagged > _SURE * parts.total()
