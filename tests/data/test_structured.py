"""Lists and objects in cells, as values and as the text that CSV exports make of them."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data import structured as module
from luthier.data.columns.profile import profile
from luthier.data.records import Record
from luthier.data.structured import same_lengths, structure_of, structured

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)  # NumPy drops a last NUL
SCALAR = st.one_of(TEXT, st.integers(-(10**9), 10**9), st.booleans(), st.none(), st.floats(-1e9, 1e9))
VALUE = st.recursive(
    SCALAR, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3))
)
NESTED = st.one_of(st.lists(VALUE, max_size=4), st.dictionaries(TEXT, VALUE, max_size=4))


@given(NESTED)
@settings(deadline=None)
def test_json_and_python_round_trip(value: Any) -> None:
    assert structured(json.dumps(value)) == value
    assert structured(f" {value!r}\n") == value
    assert structured(value) is value


@given(st.lists(TEXT, min_size=1, max_size=5), st.lists(st.integers(-99, 99), min_size=1, max_size=5))
@settings(deadline=None)
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


SPAN = [0, 4, "PER"]


@pytest.mark.parametrize(
    ("values", "item", "keys", "lengths"),
    [
        ([["a", "b"], [], None], "text", set(), (2, 0, -1)),
        ([[1, 2.5]], "number", set(), (2,)),
        ([[[1, 2]], [[]]], "list", set(), (1, 1)),
        ([[SPAN], [SPAN, SPAN]], "span", set(), (1, 2)),
        ([[{"a": 1, "b": None}], [{"a": 2}]], "object", {"a"}, (1, 1)),
        ([{"text": ["x", "y"], "start": [1, 2]}], "", {"text", "start"}, (2,)),
        ([{"en": "a", "de": "b"}, None], "", {"en", "de"}, (-1, -1)),
        ([[], []], "", set(), (0, 0)),
        ([["a", {}, 1, []]], "", set(), (4,)),
        (["a", "b"], "", set(), ()),
        ([], "", set(), ()),
    ],
)
def test_structure_of_values_and_of_their_text(values: list[Any], item: str, keys: set[str], lengths: Any) -> None:
    found = structure_of(values)
    assert (found.item, found.keys, found.lengths, found.written) == (item, keys, lengths, False)
    if lengths:
        written = structure_of([None if value is None else str(value) for value in values])
        assert (written.item, written.keys, written.lengths, written.written) == (item, keys, lengths, True)


def test_keys_further_in() -> None:
    found = structure_of([[{"result": [{"value": {"start": 1}, "type": "labels"}], "by": {"id": 1}}]])
    assert found.keys == {"result", "by"}
    assert found.inner == {"value", "type", "id", "start"}


def test_mostly_written_values_count_and_rarely_written_ones_do_not() -> None:
    assert structure_of(["[1]"] * 19 + ["broken"]).lengths == (1,) * 19 + (-1,)
    assert structure_of(["[1]"] * 6 + ["no list"] * 4).lengths == ()


def test_same_lengths() -> None:
    assert same_lengths((1, 2, -1, 3), (1, 2, 9, 4)) == 2 / 3
    assert same_lengths((), ()) == 0
    assert same_lengths((-1,), (-1,)) == 0


def test_a_profile_sees_through_what_is_written() -> None:
    plain = {"text": "[Chorus] la la", "none": ""}
    rows = [{"tags": "['O' 'B-PER']"} | plain, {"tags": "['B-PER']"} | plain] * 15
    columns = profile([Record("x", row, values) for row, values in enumerate(rows, 1)])
    assert columns["tags"].structure.written
    assert columns["tags"].structure.item == "text"
    assert columns["tags"].parts == {"O": 15, "B-PER": 30}
    assert columns["text"].structure.lengths == columns["none"].structure.lengths == ()
    assert (columns["text"].commonest, columns["text"].commonest_share) == ("[Chorus] la la", 1.0)
    assert columns["none"].commonest == ""
