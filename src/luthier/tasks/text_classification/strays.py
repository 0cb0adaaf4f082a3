"""Single cells that are not whole numbers in a column of class numbers, such as a repeated header or `N/A`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from luthier.data.checks.labels import MISSING_WORDS, RARE
from luthier.data.columns.profile import ColumnProfile
from luthier.text import listing, plural

FEWEST_ROWS = 20


@dataclass(frozen=True)
class Strays:
    """Cells that are not whole numbers in a column of class numbers.

    Args:
        cells: Rows of each stray value. They are skipped.
        words: Values that occur too often to be strays, such as `other`: they are classes.
        classes: Number of classes, words included.
    """

    cells: Counter[str]
    words: Sequence[str]
    classes: int

    def said(self) -> str:
        """The strays, for a decision; empty if there are none."""
        return skipped(self.cells, "a whole number")


def skipped(cells: Counter[str], needed: str) -> str:
    """The end of a decision, about rows that are skipped because of their labels; empty if there are none."""
    quoted = listing([repr(value) for value in cells], 4)
    return f"; {plural(cells.total(), 'row')} skipped, not {needed}: {quoted}" if cells else ""


def strays_of(column: ColumnProfile) -> Strays | None:
    """Find the strays of a column of class numbers.

    Args:
        column: The label column.
    Returns:
        None unless nearly all values are whole numbers: at least 95 % are numbers, and decimal fractions occur in at
        most 2 % of the rows and in at most four.
    """
    if column.values is None or column.numeric_share <= 0.95 or column.list_share or column.flags is not None:
        return None
    numbers = {value: number for value in column.values if (number := column.number(value)) is not None}
    whole = [value for value, number in numbers.items() if number.is_integer()]
    fractions = Counter({value: column.values[value] for value in numbers if value not in whole})
    if fractions.total() > most_strays(column.values.total()):
        return None
    others = {value: rows for value, rows in column.values.items() if value not in numbers}
    header = column.name.strip().casefold()
    known = {*MISSING_WORDS, header}
    words = sorted(value for value, rows in others.items() if rows >= RARE and value.strip().casefold() not in known)
    strays = {value: rows for value, rows in others.items() if value not in words}
    return Strays(fractions + Counter(strays) + column.not_finite, words, len(whole) + len(words))


def most_strays(rows: int) -> int:
    """The most rows that may be strays: 2 %, at most four, at least one; none in a table too small to tell."""
    return max(1, min(4, rows // 50)) if rows >= FEWEST_ROWS else 0
