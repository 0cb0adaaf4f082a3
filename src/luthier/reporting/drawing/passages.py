"""Texts made ready for the page: cut to a readable size, which is said, and parted where marks begin and end."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from luthier.reporting.panels import Mark

# A text of more characters or lines is folded; the rest of a page's budget for texts is shared by all of them.
FOLDED = 320
FOLDED_LINES = 12
TEXT_BUDGET = 500_000
LONGEST_TEXT = 6_000
# Characters that stand before the first mark in a folded text.
BEFORE_MARK = 100
ELLIPSIS = "…"
# What a browser would not show is drawn: a model may write any byte.
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), 0x7F) if chr(code) not in "\t\n\r"}

Kind = Literal["gold", "predicted", "both"]
KINDS: tuple[Kind, ...] = ("both", "gold", "predicted")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text over which the same marks lie.

    Args:
        text: The stretch.
        kinds: Of the marks over it; none for what is not marked.
        ends: The marks that end with it, whose labels stand behind it.
    """

    text: str
    kinds: tuple[Kind, ...] = ()
    ends: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of the page.

    Args:
        name: Of its column or role.
        head: As much as shows while it is folded; empty where it is not folded.
        whole: All of it, or as much as the page has room for.
        length: Characters of the text itself.
        shown: Characters of it in `whole`.
    """

    name: str
    head: tuple[Piece, ...]
    whole: tuple[Piece, ...]
    length: int
    shown: int

    @property
    def cut(self) -> bool:
        """Whether some of it is not on the page."""
        return self.shown < self.length

    @property
    def blank(self) -> bool:
        """Whether it holds nothing but white space."""
        return all(piece.text.isspace() for piece in self.whole)


def room(texts: int) -> int:
    """The characters that each of so many texts may have."""
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
    """A text as the page shows it; a folded one that is marked shows what lies around its first mark.

    Args:
        name: Of its column or role.
        whole: The text.
        longest: Characters that the page has room for.
        marks: Pieces of it to mark; they may overlap, and what lies outside of the text is left out.
        folded: Characters beyond which it is folded.
        lines: Lines beyond which it is folded.
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
    """A source, shortened where it is an absolute path: the Data section has it whole."""
    parts = PurePath(source).parts
    return f"{ELLIPSIS}/{'/'.join(parts[-2:])}" if PurePath(source).is_absolute() and len(parts) > 3 else source


def _pieces(whole: str, marks: Sequence[Mark], begin: int, end: int) -> tuple[Piece, ...]:
    """A stretch of a text, parted at every place where a mark begins or ends; what is left out says so."""
    places = {begin, end, *(place for mark in marks for place in (mark.start, mark.end) if begin < place < end)}
    bounds = sorted(places)
    found = [Piece(ELLIPSIS)] if begin else []
    for start, stop in itertools.pairwise(bounds):
        over = [mark for mark in marks if mark.start < stop and mark.end > start]
        kinds = tuple(kind for kind in KINDS if any(mark.kind == kind for mark in over))
        found.append(Piece(whole[start:stop], kinds, tuple(mark for mark in over if mark.end == stop)))
    return (*found, Piece(ELLIPSIS)) if end < len(whole) else tuple(found)


def _merged(marks: Iterable[Mark]) -> list[Mark]:
    """The marks in order; one that is right and one that is predicted, of one place and label, are one that is both."""
    kinds: dict[tuple[int, int, str], set[Kind]] = {}
    for mark in marks:
        kinds.setdefault((mark.start, mark.end, mark.label), set()).add(mark.kind)
    return [
        Mark(start, end, "both" if len(found) > 1 else next(iter(found)), label)
        for (start, end, label), found in sorted(kinds.items(), key=lambda item: item[0])
    ]


def _end_of_lines(whole: str, begin: int) -> int:
    """Where the last line ends that a folded text shows."""
    ends = [found.start() for found in itertools.islice(re.finditer(r"\n|\Z", whole[begin:]), FOLDED_LINES)]
    return begin + ends[-1]


def _word(whole: str, place: int) -> int:
    """The beginning of the word at a place, if it begins nearby: texts are cut between words."""
    place = min(max(place, 0), len(whole))
    if place in (0, len(whole)):
        return place
    begin = max(whole.rfind(blank, max(0, place - 20), place) for blank in (" ", "\n"))
    return begin + 1 if begin >= 0 else place
