"""Whether a label is one class, several labels or a number."""

from typing import Any

import pytest

from luthier.data.columns.profile import profile
from luthier.data.records import Record
from luthier.tasks.text_classification.shape import is_flag, kind_of, may_be_a_number

SEVERAL = "several labels"


def profiles_of(cells: list[Any], rows: int = 60) -> Any:
    return profile([Record("rows", i, {"label": cells[i % len(cells)]}) for i in range(rows)])


@pytest.mark.parametrize(
    ("cells", "kind", "value", "why"),
    [
        ([[0, 1, 0], [1, 1, 0], [0, 0, 0]], "several", SEVERAL, "3 labels, one flag each"),
        ([[0, 1, 0], [1, 0, 0]], "one", "one label", "3 labels, one flag each, exactly one is set in each row"),
        ([{"a": 1, "b": 0}, {"a": 1, "b": 1}], "several", SEVERAL, "2 labels, one flag each"),
        ([["good"], ["bad"]], "one", "one label", "2 labels, lists of exactly one"),
        (["['good']", "['bad']"], "one", "one label", "2 labels, joined by '[]' of exactly one"),
        ([["good"], ["bad", "good"], []], "several", SEVERAL, "2 labels, lists"),
        (["a|b", "a", "b"], "several", SEVERAL, "2 labels, joined by '|'"),
        (["good", "bad"], "one", "one label", "2 classes"),
        ([i / 8 for i in range(40)], "number", "a number", "40 values from 0 to 4.875, not all whole"),
        (
            [*(i / 8 for i in range(17)), "NaN", "", "-inf"],
            "number",
            "a number",
            "17 values from 0 to 2, not all whole; 6 rows skipped, not a finite number: 'NaN', '-inf'",
        ),
        (
            [f"{i % 6},{i % 6}{i % 7}" for i in range(40)],
            "number",
            "a number",
            "40 values from 0 to 5.55, not all whole; with a decimal comma",
        ),
        (
            [*(f"{i}.5" for i in range(14)), "n/a", "-", "n/a", "free"],
            "number",
            "a number",
            "14 values from 0.5 to 13.5, not all whole; 12 rows skipped, not a finite number: 'n/a', '-', 'free'",
        ),
        (
            [*(f"${i}.50" for i in range(19)), "free"],
            "number",
            "a number",
            "19 values from 0.5 to 18.5, not all whole; written with '$'; 3 rows skipped, not a finite number: 'free'",
        ),
        (["0.5", "1", "1.5", "NaN"], "one", "one label", "3 classes; 15 rows skipped, not a finite number: 'NaN'"),
        ([0, 1, "NaN"], "one", "one label", "2 classes; 20 rows skipped, not a whole number: 'NaN'"),
        (["good", "bad", "NaN"], "one", "one label", "3 classes"),
    ],
)
def test_one_several_or_a_number(cells: list[Any], kind: str, value: str, why: str) -> None:
    found, decisions = kind_of(profiles_of(cells), ["label"], None, several=False)
    assert (found, decisions[0].value, decisions[0].why) == (kind, value, why)


def test_numbers_with_too_many_words_to_skip_are_asked_about() -> None:
    prices = [f"${i}.50" for i in range(10)]
    unclear = may_be_a_number(profiles_of([*prices, "free", "free"])["label"])
    assert unclear.startswith("'label' has numbers from 0.5 to 9.5, and also 'free' (10 rows)")
    assert not may_be_a_number(profiles_of([*prices, "n/a", "n/a"])["label"])
    assert not may_be_a_number(profiles_of(["0.5", "1", "1.5", "other"])["label"])
    assert not may_be_a_number(profiles_of([*prices, *"abcdef"])["label"])


def test_flags_without_names_are_named_by_their_positions() -> None:
    for asked in (None, "several"):
        _, decisions = kind_of(profiles_of(["010", "110", "000", "011", "111"]), ["label"], asked, several=False)
        assert [(decision.what, decision.value) for decision in decisions[1:]] == [("label names", "0, 1, 2")]
    _, decisions = kind_of(profiles_of([{"a": 1, "b": 0}, {"a": 1, "b": 1}]), ["label"], None, several=False)
    assert len(decisions) == 1
    _, decisions = kind_of(profiles_of([1, 10, 11, 101, 111, 0]), ["label"], None, several=False)
    assert decisions[1].why.endswith("leading zeros restored")


@pytest.mark.parametrize(
    ("cells", "flag"),
    [
        ([0, 1], True),
        ([True, False], True),
        ([*[0, 1] * 29, "NA", 0], True),
        ([*[0, 1] * 29, 2, 0], False),
        ([*[0, 1] * 29, 0.5, 0], False),
        ([0, 1, "NA"], False),
        ([None], False),
        (["a"], False),
    ],
)
def test_a_column_of_zeros_and_ones_may_have_a_stray_word(cells: list[Any], flag: bool) -> None:
    assert is_flag(profiles_of(cells)["label"]) is flag
