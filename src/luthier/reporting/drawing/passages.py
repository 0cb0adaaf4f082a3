"""Prepare texts for the page: truncate them to a readable size and split them where marks begin and end."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from luthier.reporting.panels import Mark

# Texts with more characters or lines are folded; the texts of a panel share TEXT_BUDGET characters.
FOLDED = 320
FOLDED_LINES = 12
TEXT_BUDGET = 500_000
LONGEST_TEXT = 6_000
# Characters shown before the first mark of a folded text.
BEFORE_MARK = 100
ELLIPSIS = "…"
# Control characters, which a browser does not show, are replaced: a model may generate any byte.
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), 0x7F) if chr(code) not in "\t\n\r"}

Kind = Literal["gold", "predicted", "both"]
KINDS: tuple[Kind, ...] = ("both", "gold", "predicted")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text in which all characters have the same marks.

    Args:
        text: The part.
        kinds: Kinds of its marks; empty if it is not marked.
        ends: Marks that end with it; the page shows their labels after it.
    """

    text: str
    kinds: tuple[Kind, ...] = ()
    ends: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """One text on the page.

    Args:
        name: Name of its column or role.
        head: The part shown while the text is folded; empty if it is not folded.
        whole: The text, truncated if it is too long for the page.
        length: Length of the full text in characters.
        shown: Number of its characters in `whole`.
    """

    name: str
    head: tuple[Piece, ...]
    whole: tuple[Piece, ...]
    length: int
    shown: int

    @property
    def cut(self) -> bool:
        """Whether the text is truncated on the page."""
        return self.shown < self.length

    @property
    def blank(self) -> bool:
        """Whether the text contains only whitespace."""
        return all(piece.text.isspace() for piece in self.whole)


def room(texts: int) -> int:
    """Maximum length of each text in characters, given the number of texts."""
    return min(LONGEST_TEXT, TEXT_BUDGET // max(1, texts))


def passage(
    name: str,
    whole: str,
    longest: int = LONGEST_TEXT,
    marks: Sequence[Mark] = (),
    *,
    folded: int = FOLDED,
    lines: int = FOLDED_LINES,
) -> Passage:
    """Prepare a text for the page; a folded text shows the part around its first mark.

    Args:
        name: Name of its column or role.
        whole: The text.
        longest: Maximum number of characters on the page.
        marks: Parts to mark; they may overlap, and marks that reach outside the text are dropped.
        folded: Fold the text if it has more characters.
        lines: Fold the text if it has more lines.
    """
    whole = whole.translate(_CONTROLS)
    marks = _merged(mark for mark in marks if 0 <= mark.start < mark.end <= len(whole))
    begin = max(0, min(marks[0].start - longest // 2, len(whole) - longest)) if marks else 0
    end = min(len(whole), begin + longest)
    head: tuple[Piece, ...] = ()
    if len(whole) > folded or whole.count("\n") >= lines:
        first = _word(whole, marks[0].start - BEFORE_MARK) if marks else 0
        last = min(_word(whole, first + FOLDED), _end_of_lines(whole, first))
        head = _pieces(whole, marks, first, max(first, len(whole[:last].rstrip())))
    return Passage(name, head, _pieces(whole, marks, begin, end), len(whole), end - begin)


def place(source: str) -> str:
    """A source, shortened if it is a long absolute path; the report's Data section shows it in full."""
    parts = PurePath(source).parts
    return f"{ELLIPSIS}/{'/'.join(parts[-2:])}" if PurePath(source).is_absolute() and len(parts) > 3 else source


def _pieces(whole: str, marks: Sequence[Mark], begin: int, end: int) -> tuple[Piece, ...]:
    """Split part of a text wherever a mark begins or ends; an ellipsis replaces the text before and after it."""
    places = {begin, end, *(place for mark in marks for place in (mark.start, mark.end) if begin < place < end)}
    bounds = sorted(places)
    found = [Piece(ELLIPSIS)] if begin else []
    for start, stop in itertools.pairwise(bounds):
        over = [mark for mark in marks if mark.start < stop and mark.end > start]
        kinds = tuple(kind for kind in KINDS if any(mark.kind == kind for mark in over))
        found.append(Piece(whole[start:stop], kinds, tuple(mark for mark in over if mark.end == stop)))
    return (*found, Piece(ELLIPSIS)) if end < len(whole) else tuple(found)


def _merged(marks: Iterable[Mark]) -> list[Mark]:
    """Sort marks; a gold and a predicted mark with the same span and label become one mark of kind `both`."""
    kinds: dict[tuple[int, int, str], set[Kind]] = {}
    for mark in marks:
        kinds.setdefault((mark.start, mark.end, mark.label), set()).add(mark.kind)
    return [
        Mark(start, end, "both" if len(found) > 1 else next(iter(found)), label)
        for (start, end, label), found in sorted(kinds.items(), key=lambda item: item[0])
    ]


def _end_of_lines(whole: str, begin: int) -> int:
    """End of the last line that a folded text shows."""
    ends = [found.start() for found in itertools.islice(re.finditer(r"\n|\Z", whole[begin:]), FOLDED_LINES)]
    return begin + ends[-1]


def _word(whole: str, place: int) -> int:
    """Start of the word at a position if it is nearby, else the position: texts are cut between words."""
    place = min(max(place, 0), len(whole))
    if place in (0, len(whole)):
        return place
    begin = max(whole.rfind(blank, max(0, place - 20), place) for blank in (" ", "\n"))
    return begin + 1 if begin >= 0 else place
