"""The labels in a cell, however they are written; lists and objects are never labels."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.columns.flags import Flags
from luthier.data.columns.numbers import Writing
from luthier.data.records import Fault
from luthier.tasks.text_classification.cells import Cells

FLAGS = Cells(flags=Flags(("price", "size"), single=True))
VALUE = st.recursive(
    st.one_of(st.text(max_size=4), st.integers(-2, 2), st.booleans(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(list), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(VALUE)
@settings(max_examples=200)
def test_lists_and_objects_are_never_labels(value: Any) -> None:
    for cells in (Cells(), Cells(words=[]), FLAGS, Cells(separator="|")):
        one, several = cells.label({"label": value}, "label"), cells.labels({"label": value}, "label")
        for label in [one, *([several] if isinstance(several, Fault) else several)]:
            assert isinstance(label, Fault) or not label.startswith(("{'", '{"')) or isinstance(value, str | list)
        if isinstance(value, dict):
            assert isinstance(one, Fault) and (cells is FLAGS or isinstance(several, Fault))
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            assert isinstance(several, Fault) and isinstance(one, Fault)


@pytest.mark.parametrize(
    ("cells", "value", "label"),
    [
        (Cells(), "good", "good"),
        (Cells(), ["good"], "good"),
        (Cells("[]"), "['good']", "good"),
        (Cells("|"), "a|b", "a|b"),
        (Cells(finite=True), "0.5", "0.5"),
        (Cells(), "NaN", "NaN"),
        (Cells(words=["other"]), "3", "3"),
        (Cells(words=["other"]), 3.0, "3.0"),
        (Cells(words=["other"]), "other", "other"),
        (FLAGS, [1, 0], "price"),
        (FLAGS, {"price": False, "size": True}, "size"),
    ],
)
def test_the_only_label_of_a_cell(cells: Cells, value: Any, label: str) -> None:
    assert cells.label({"label": value}, "label") == label


@pytest.mark.parametrize(
    ("cells", "value", "reason"),
    [
        (Cells(), None, "missing-label"),
        (Cells(), [], "missing-label"),
        (Cells(), ["good", "bad"], "bad-label"),
        (Cells(), {"name": "good"}, "bad-label"),
        (Cells(words=["other"]), "N/A", "bad-label"),
        (Cells(words=["other"]), "4.5", "bad-label"),
        (Cells(finite=True), "NaN", "bad-label"),
        (FLAGS, "", "missing-label"),
        (FLAGS, [1, 1], "bad-label"),
        (FLAGS, [0, 0], "missing-label"),
        (FLAGS, [1, 0, 0], "bad-label"),
        (FLAGS, "good", "bad-label"),
    ],
)
def test_no_label_or_several_are_a_fault(cells: Cells, value: Any, reason: str) -> None:
    found = cells.label({"label": value}, "label")
    assert isinstance(found, Fault)
    assert found.reason == reason
    assert "'label'" in found.detail


def test_how_cells_are_written_is_kept_in_task_cards() -> None:
    for cells in (
        Cells(),
        Cells("|"),
        Cells(words=("other",)),
        Cells(finite=True),
        Cells(marks=["x"]),
        FLAGS,
        Cells(flags=Flags(("0", "1"), True, True)),
    ):
        again = Cells.from_details(json.loads(json.dumps(cells.details())))
        assert (again.separator, again.flags, again.finite, again.marks) == (
            *(cells.separator, cells.flags, cells.finite, cells.marks),
        )
        assert again.words == (None if cells.words is None else list(cells.words))
    assert Cells.from_details({}) == Cells()
    assert Cells.of([]) == Cells()


def test_numbers_have_a_point_or_the_comma_of_the_training_data() -> None:
    assert [Cells().number(value) for value in ("3.5", "3,5", 2)] == [3.5, None, 2]
    restored = Cells.from_details(Cells(writing=Writing(mark=",")).details())
    assert [restored.number(value) for value in ("3.5", "3,5", 2, "k.A.")] == [3.5, 3.5, 2, None]


@pytest.mark.parametrize(
    ("writing", "sample"),
    [(None, "1250.5"), (Writing(before="$"), "$1,250.5"), (Writing(after=" kg", mark=","), "1.250,5 kg")],
)
def test_a_cell_that_is_no_number_is_told_with_the_spelling_that_is(writing: Writing | None, sample: str) -> None:
    fault = Cells(writing=writing).not_a_number("1'250,5", "price")
    assert fault.detail == f"column 'price' is \"1'250,5\", not a finite number such as {sample}"


def test_a_label_of_its_own_column_is_set_by_a_flag_or_by_a_mark() -> None:
    assert [Cells().flag(value) for value in (True, "No", " yes ", "T", 0, "1.0", "maybe")] == [
        *(True, False, True, True, False, True, None),
    ]
    marks = Cells(marks=["x"])
    assert [marks.flag(value) for value in ("X", "", None, float("nan"), "y")] == [True, False, False, False, None]


def test_a_column_that_a_file_lacks_is_not_called_empty() -> None:
    details = {
        found.detail
        for found in (Cells().label({}, "label"), Cells().label({"label": None}, "label"))
        if isinstance(found, Fault)
    }
    assert details == {"column 'label' is not there", "column 'label' is empty"}
