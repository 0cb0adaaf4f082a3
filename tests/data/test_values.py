"""Lists and objects in cells, as values and as the text that CSV exports make of them, and the labels in a cell."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data import values as module
from luthier.data.values import (
    as_number,
    field_of,
    finite,
    flags_in,
    split_labels,
    structured,
    without_nested,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)  # NumPy drops a last NUL
SCALAR = st.one_of(TEXT, st.integers(-(10**9), 10**9), st.booleans(), st.none(), st.floats(-1e9, 1e9))
VALUE = st.recursive(
    SCALAR, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3))
)
NESTED = st.one_of(st.lists(VALUE, max_size=4), st.dictionaries(TEXT, VALUE, max_size=4))


@given(NESTED)
def test_json_and_python_round_trip(value: Any) -> None:
    assert structured(json.dumps(value)) == value
    assert structured(f" {value!r}\n") == value
    assert structured(value) is value


@given(st.lists(TEXT, min_size=1, max_size=5), st.lists(st.integers(-99, 99), min_size=1, max_size=5))
def test_numpy_round_trip(texts: list[str], numbers: list[int]) -> None:
    words, places = np.array(texts, dtype=object), np.array(numbers, dtype=np.int32)
    assert structured(str(words)) == texts
    assert structured(repr(words)) == texts
    assert structured(str(places)) == structured(repr(places)) == numbers
    both = {"text": words, "answer_start": places}
    assert structured(str(both)) == {"text": texts, "answer_start": numbers}
    assert structured(str([np.int64(numbers[0]), np.str_(texts[0])])) == [numbers[0], texts[0]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['a' 'b'\n 'c']", ["a", "b", "c"]),
        ("[{'role': 'user'}\n {'role': 'bot'}]", [{"role": "user"}, {"role": "bot"}]),
        ("(667, 681)", [667, 681]),
        ("[True false]", [True, False]),
        ("{'a': nan}", {"a": None}),
        ("array([], dtype=int64)", []),
        ("[0. 1.5 -2e-3]", [0.0, 1.5, -0.002]),
    ],
)
def test_what_is_read(text: str, value: Any) -> None:
    assert structured(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("[Chorus]", "(1986)", "plain", "", "[1, 2", "dict(a=1)", "['a' ... 'b']", "['a''b']", "[__import__('os')]"),
        *("[1, 2] and more", "{open}", "[" * 100_000 + "]" * 100_000, "[)", "(a)"),
    ],
)
def test_what_stays_text(text: str) -> None:
    assert structured(text) is text


def test_a_text_without_end_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 5)
    assert structured("[1,2,3]") == "[1,2,3]"
    assert structured("[1,2]") == [1, 2]


@pytest.mark.parametrize(
    ("value", "separator", "labels"),
    [
        ("joy| fear |", "|", ["joy", "fear"]),
        ("", "|", []),
        (None, ",", []),
        ("joy", ",", ["joy"]),
        (" joy, fear", None, ["joy, fear"]),
        ("['joy', 2]", "[]", ["joy", "2"]),
        ("[]", "[]", []),
        ([1, "a", None], None, ["1", "a"]),
    ],
)
def test_labels_of_a_value(value: Any, separator: str | None, labels: list[str]) -> None:
    assert split_labels(value, separator) == labels


@pytest.mark.parametrize(
    ("cell", "flags"),
    [
        ([0, 1.0, True], [False, True, True]),
        ("0 1 0", [False, True, False]),
        ("true,FALSE", [True, False]),
        ("[0. 1.]", [False, True]),
        ("011", [False, True, True]),
        (101, [True, False, True]),
        (1.0, [True]),
        ({"a": "0", "b": None, "c": True}, {"a": False, "c": True}),
        ({}, {}),
        *[(odd, None) for odd in ([0, 2], "0.5 1", "-1", "", None, [], {"a": 2}, math.nan, math.inf, 1.5, "a b", b"1")],
    ],
    ids=repr,
)
def test_flags_of_a_cell(cell: Any, flags: Any) -> None:
    assert flags_in(cell) == flags


@pytest.mark.parametrize(
    ("value", "path", "field"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a.b": 2, "a": {"b": 1}}, "a.b", 2),
        ('{"a": {"b": 1}}', "a.b", 1),
        ([{"a": 1}, {"b": 2}, {"a": None}, {"a": 3}], "a", [1, 3]),
        ([{"a": ["x"]}, {"a": ["y", "z"]}], "a", ["x", "y", "z"]),
        ({"a": [{"b": 1}, {"b": 2}]}, "a.b", [1, 2]),
        *[(odd, "a.b", None) for odd in ({"a": 1}, {}, None, "text", 3)],
    ],
    ids=repr,
)
def test_a_field_at_a_dotted_path(value: Any, path: str, field: Any) -> None:
    assert field_of(value, path) == field


@pytest.mark.parametrize("value", [10**400, -(10**400), "1" + "0" * 400, "-1e999", math.inf, math.nan])
def test_what_no_float_can_hold_is_no_number(value: Any) -> None:
    assert as_number(value) is None


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1", "2.5", "NaN", "nan ", "-inf", "Infinity"], ["1", "2.5"]),
        ([1, 2.5, math.inf, "NaN"], [1, 2.5]),
        ([1, 2.5, 10**400, -(10**400), "1e999"], [1, 2.5]),
        (["1", "two", "NaN"], ["1", "two", "NaN"]),
        (["good", "bad", "NaN"], ["good", "bad", "NaN"]),
        (["1", "2", "NA", "NaN"], ["1", "2", "NA", "NaN"]),
        (["NaN", "NaN"], ["NaN", "NaN"]),
        ([], []),
    ],
)
def test_nan_is_a_missing_number_only_among_numbers_alone(values: list[Any], found: list[Any]) -> None:
    rest = values[len(found) :]
    assert finite(values) == (found, rest) and sorted(map(str, found + rest)) == sorted(map(str, values))


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([*"abcdefghi", {"a": 1}], [*"abcdefghi", None]),
        ([*"abcdefghi", ["a"], None], [*"abcdefghi", None, None]),
        ([1, 2.5, *"cdefghi", ("a",)], [1, 2.5, *"cdefghi", None]),
        ([*"ababababa", ["a", "b"]], [*"ababababa", ["a", "b"]]),
        ([*"ababababa", {"a": 1}], [*"ababababa", None]),
        ([*"abc", {"a": 1}], [*"abc", {"a": 1}]),
        ([["a"], {}, None], [["a"], {}, None]),
        ([], []),
    ],
)
def test_single_lists_and_objects_among_texts_are_damaged(values: list[Any], kept: list[Any]) -> None:
    assert without_nested(values) == kept


def test_a_set_is_a_list_in_order() -> None:
    assert structured("{'b', 'a', 1}") == [1, "a", "b"]
    assert structured("{good}") == "{good}"
