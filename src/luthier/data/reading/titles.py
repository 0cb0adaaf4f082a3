"""Lines above the header of a table: titles, dates of an export, comments."""

import csv
import itertools
from collections import Counter
from collections.abc import Sequence
from operator import not_

from luthier.data.reading.header import find_header, is_names
from luthier.findings import Decision
from luthier.text import plural, shorten

_MOST = 20  # lines above a header
_ROWS = 200  # rows to compare
_PAIRS = 5  # rows below a title that may come before the header
_COMMENTS = ("#", "//", "%")


def titles_above(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows are titles or comments: few of their cells are filled, and a table follows.

    Below a title, it needs a header; below comments, it need not.

    Args:
        rows: The first rows, with blank ones.
    """
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0
    width = widths.most_common(1)[0][0]
    # A header may begin with a mark, as in `#1 String`, but not if another header is below.
    marked = [row[0].lstrip().startswith(_COMMENTS) for row in rows]
    named_below = any(is_names(row) for row in itertools.islice(itertools.compress(rows, map(not_, marked)), _PAIRS))
    comments = [mark and (named_below or len(row) != width) for row, mark in zip(rows, marked, strict=True)]
    titles = (comment or _is_title(row, width) for row, comment in zip(rows, comments, strict=True))
    above = next((place for place, title in enumerate(titles) if not title), len(rows))
    if not 0 < above <= _MOST:
        return 0
    # Below a title may be a name and a value, as in `Date;01.05.2024`.
    named = (place for place in range(above, min(above + _PAIRS, len(rows))) if is_names(rows[place]))
    above = next(named, above)
    table = [list(row) for row in rows[above:] if len(row) == width][:_ROWS]
    if len(table) < 2 or len(rows[above]) != width:
        return 0
    # Comments and blank lines between rows are those of sentences with a word per line.
    regular = all(comments[:above]) and all(len(row) == width for row in rows[above:-1])
    return above if regular or find_header(table)[0] else 0


def titles_of_lines(lines: Sequence[str], separators: Sequence[str]) -> int:
    """How many of the first lines are titles or comments, for the separator that most lines have.

    Args:
        lines: The first lines, without line endings.
        separators: Possible separators.
    """
    first = lines[: _MOST + _ROWS]
    tables = [[_cells(line, one) for line in first] for one in separators]
    if all(line[0] == line.rstrip()[-1] == '"' for line in first if line.strip()) and any(map(_is_regular, tables)):
        return 0  # another separator may be within the quotes
    return max(map(titles_above, tables), default=0)


def said(titles: Sequence[str]) -> list[Decision]:
    """The decision to skip titles."""
    shown = " ".join(title.strip() for title in titles if title.strip())
    above = Decision("above the header", f"{plural(len(titles), 'line')} skipped", f"no rows: {shorten(shown, 60)!r}")
    return [above] if titles else []


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), []) or [""]
    except csv.Error:
        return [line]


def _is_regular(rows: Sequence[Sequence[str]]) -> bool:
    """Whether all rows that are not blank have the same number of cells, and several."""
    widths = {len(row) for row in rows if any(map(str.strip, row))}
    return len(widths) == 1 and widths != {1}


def _is_title(row: Sequence[str], width: int) -> bool:
    return sum(bool(cell.strip()) for cell in row) <= max(1, width - 2)
