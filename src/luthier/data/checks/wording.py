"""The small parts that the messages of findings are made of."""

from collections.abc import Iterable, Sequence
from itertools import islice

from luthier.text import shorten

MOST_ROWS = 30  # row numbers that a finding carries


def quote(text: str) -> str:
    """An example inside a message."""
    return f'"{shorten(text, 80)}"'


def row_numbers(indices: Iterable[int], rows: Sequence[int] | None) -> tuple[int, ...]:
    """The row numbers that a finding carries.

    Args:
        indices: Positions of the rows that show it.
        rows: Source row number of every row; 1, 2, 3 ... when None.
    """
    return tuple(sorted(index + 1 if rows is None else rows[index] for index in islice(indices, MOST_ROWS)))


def are(n: int) -> str:
    return "is" if n == 1 else "are"


def have(n: int) -> str:
    return "has" if n == 1 else "have"
