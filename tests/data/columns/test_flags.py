"""A flag for each of several labels, however the flags are written, and what only looks like flags."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.columns.flags import Flags, flags_of

Row = list[bool]
NAMES = ("price", "quality", "delivery", "support", "size", "colour")
# Each writes a row of flags as one cell.
WRITINGS: dict[str, Callable[[Row], Any]] = {
    "whole numbers": lambda row: [int(flag) for flag in row],
    "decimal numbers": lambda row: [float(flag) for flag in row],
    "booleans": list,
    "a list of text": lambda row: [str(int(flag)) for flag in row],
    "a written list": lambda row: str([int(flag) for flag in row]),
    "a written list of booleans": str,
    "NumPy's writing": lambda row: str(np.array(row, dtype=int)),
    "digits": lambda row: "".join(str(int(flag)) for flag in row),
    "digits with blanks": lambda row: " ".join(str(int(flag)) for flag in row),
    "digits with commas": lambda row: ", ".join(str(int(flag)) for flag in row),
    "words with bars": lambda row: "|".join(str(flag).lower() for flag in row),
    "letters": lambda row: "".join("NY"[flag] for flag in row),
    "letters apart": lambda row: " ".join("FT"[flag] for flag in row),
    "words": lambda row: ",".join(("no", "yes")[flag] for flag in row),
}
OBJECTS: dict[str, Callable[[Row], Any]] = {
    "an object of booleans": lambda row: dict(zip(NAMES, row, strict=False)),
    "an object of numbers": lambda row: {name: float(flag) for name, flag in zip(NAMES, row, strict=False)},
    "a written object": lambda row: str({name: int(flag) for name, flag in zip(NAMES, row, strict=False)}),
}


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows of flags, of 3 to 6 labels, with enough different rows that they cannot be numbers of classes."""
    width = draw(st.integers(3, 6))
    some = draw(st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=12))
    return [[place == i for place in range(width)] for i in range(width)] + [[True] * width, [False] * width, *some]


@given(tables())
@settings(max_examples=40)
def test_every_writing_of_flags_has_the_same_labels(rows: list[Row]) -> None:
    width = len(rows[0])
    for names, writings in ((tuple(map(str, range(width))), WRITINGS), (NAMES[:width], OBJECTS)):
        for how, write in writings.items():
            cells = [write(row) for row in rows]
            found = flags_of(cells)
            assert found == Flags(names, single=False), how
            for cell, row in zip(cells, rows, strict=True):
                assert found.labels(cell) == [name for name, flag in zip(names, row, strict=True) if flag], how


@given(st.integers(2, 6), st.lists(st.integers(0, 5), min_size=10, max_size=20))
@settings(max_examples=40)
def test_exactly_one_flag_in_every_row_is_one_label(width: int, chosen: list[int]) -> None:
    rows = [[place == i % width for place in range(width)] for i in [*range(width), *chosen]]
    for how in ("whole numbers", "booleans", "decimal numbers", "a written list"):
        found = flags_of([WRITINGS[how](row) for row in rows])
        assert found is not None
        assert found.single
        assert [found.labels(WRITINGS[how](row)) for row in rows] == [[str(row.index(True))] for row in rows]


def test_numbers_without_their_leading_zeros() -> None:
    rows = [f"{number:05b}" for number in range(32)]
    for cells in ([int(row) for row in rows], [str(int(row)) for row in rows], [float(row) for row in rows]):
        found = flags_of(cells)
        assert found == Flags(("0", "1", "2", "3", "4"), single=False, padded=True)
        assert found.labels(cells[11]) == ["1", "3", "4"]
        assert found.labels(cells[0]) == []


@pytest.mark.parametrize(
    "cells",
    [
        [[], [0], [1], [0, 1]] * 5,
        [[4], [1], [2, 4], [0, 3, 4]] * 5,
        [["0"], ["1"]] * 5,
        ["0", "1"] * 5,
        [0, 1, True, False] * 5,
        ["10", "11"] * 10,
        ["10", "11", "12"] * 10,
        [100, 101, 110] * 10,
        [[0.2, 0.8], [0.0, 1.0]] * 10,
        [{"likes": 3, "shares": 1}, {"likes": 0, "shares": 1}] * 5,
        [{"name": "bad"}, {"name": "good"}] * 5,
        ["the bow is worn", "0 1 0 1"] * 10,
        ["yes", "no"] * 10,
        ["NY", "LA", "SF"] * 10,
        ["no way", "yes please"] * 10,
        [None, "a"],
        [],
    ],
    ids=str,
)
def test_what_only_looks_like_flags(cells: list[Any]) -> None:
    assert flags_of([cell for cell in cells if cell is not None]) is None


def test_a_few_cells_of_another_length_are_no_flags() -> None:
    cells = [[0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]] * 10
    found = flags_of([*cells, [0, 1]])
    assert found == Flags(("0", "1", "2"), single=False)
    for cell in ([0, 1], [0, 1, 0, 0], "01", [0, 1, 2], "x", {"0": 1}, None):
        assert found.labels(cell) is None or cell == {"0": 1}


def test_an_object_may_name_only_what_is_set() -> None:
    found = flags_of([{"price": True}, {"quality": True, "price": True}, {}] * 5)
    assert found == Flags(("price", "quality"), single=False)
    assert found.labels({"quality": True}) == ["quality"]
    assert found.labels({}) == []
    assert found.labels({"quality": None, "price": True}) == ["price"]
    assert found.labels({"quality": False}) is None, "whether price is set is not known"
    assert found.labels({"colour": True}) is None


@pytest.mark.parametrize("mark", [" ", ",", ";", "|", "/", ":", "_", "-", "#", "\t", ", "])
def test_any_mark_separates_flags(mark: str) -> None:
    found = flags_of([mark.join(f"{i % 16:04b}") for i in range(40)])
    assert found is not None and found.names == ("0", "1", "2", "3")


@pytest.mark.parametrize("values", [["1:0", "2:1", "0:3"], ["-1", "1", "0"], ["0-10", "10-20"]])
def test_scores_and_ranges_are_no_flags(values: list[str]) -> None:
    assert flags_of(values * 10) is None
