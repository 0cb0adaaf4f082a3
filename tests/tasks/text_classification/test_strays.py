"""Single cells that are not whole numbers in a column of class numbers."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.columns.profile import ColumnProfile, profile
from luthier.data.records import Record
from luthier.tasks.text_classification.cells import Cells
from luthier.tasks.text_classification.shape import kind_of
from luthier.tasks.text_classification.strays import most_strays, strays_of

CLASSES = [str(i % 5) for i in range(200)]


def column_of(cells: list[Any], name: str = "stars") -> ColumnProfile:
    return profile([Record("rows", i, {name: cell}) for i, cell in enumerate(cells, 1)])[name]


@given(
    st.sampled_from(["N/A", "?", "stars", "null", "x", "4.5", "-", "see note", "nan", "1,5"]),
    st.integers(0, 3),
    st.integers(2, 12),
    st.sampled_from([int, str, float]),
)
@settings(max_examples=60)
def test_a_stray_cell_turns_no_classes_into_numbers(stray: str, rows: int, classes: int, kind: Any) -> None:
    """Classes stay the same classes whatever a few other cells hold, and those rows are faults."""
    numbers = [kind(i % classes) for i in range(200)]
    column = column_of(numbers + [stray] * rows)
    (shape, why) = kind_of({"stars": column}, ["stars"], None, several=False)
    assert shape == "one"
    assert why[0].value == "one label"
    assert why[0].why.startswith(f"{classes} classes")
    assert (repr(stray) in why[0].why) == (rows > 0)
    cells = Cells.of([column])
    assert [cells.label({"stars": number}, "stars") for number in numbers] == [str(number) for number in numbers]
    assert getattr(cells.label({"stars": stray}, "stars"), "reason", "") == "bad-label"


def test_a_word_that_recurs_is_a_class() -> None:
    column = column_of([*CLASSES, *["other"] * 5, "N/A", *["?"] * 4])
    strays = strays_of(column)
    assert strays is not None
    assert (strays.words, strays.cells, strays.classes) == (["other"], {"N/A": 1, "?": 4}, 6)
    assert Cells.of([column]).label({"stars": "other"}, "stars") == "other"


@pytest.mark.parametrize(
    "cells",
    [
        ["good", "bad"] * 50,
        ["1", "2", "N/A"] * 50,  # a third of the rows
        [str(i / 10) for i in range(100)],
        [*CLASSES, *["4.5"] * 5],  # five halves are no strays
        [[0, 1, 1], [1, 0, 1]] * 20,
        [["1"], ["2"]] * 20,
        [str(i) for i in range(500)],
        [None] * 20,
    ],
    ids=str,
)
def test_other_columns_have_no_strays(cells: list[Any]) -> None:
    assert strays_of(column_of(cells)) is None
    assert Cells.of([column_of(cells)]).words is None


def test_how_many_rows_may_be_strays() -> None:
    assert [most_strays(rows) for rows in (0, 19, 20, 99, 100, 200, 10_000)] == [0, 0, 1, 1, 2, 4, 4]
