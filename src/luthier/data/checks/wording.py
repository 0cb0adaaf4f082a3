"""Helpers for the wording of findings."""

from collections.abc import Iterable, Sequence
from itertools import islice

from luthier.text import count, plural, share, shorten

MOST_ROWS = 30  # maximum row numbers in a finding


def quote(text: str) -> str:
    """Quote an example in a message, shortened."""
    return f'"{shorten(text, 80)}"'


def row_numbers(indices: Iterable[int], rows: Sequence[int]) -> tuple[int, ...]:
    """The first row numbers to list in a finding, sorted.

    Args:
        indices: Positions of the affected rows.
        rows: Source row number of every row.
    """
    return tuple(sorted({rows[index] for index in islice(indices, MOST_ROWS)}))


def part_of(n: int, of: int, noun: str) -> str:
    """How many of all there are, and their share: `3 of 6 rows (50.0 %)`."""
    return f"{count(n)} of {plural(of, noun)} ({share(n / of)})"


def row_of(split: str) -> str:
    """What a row of a split is called."""
    return "training row" if split == "train" else f"{split} row"


def are(n: int) -> str:
    return "is" if n == 1 else "are"


def have(n: int) -> str:
    return "has" if n == 1 else "have"
