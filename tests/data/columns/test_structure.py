"""What the lists and objects of a column are made of, as values and as text."""

from typing import Any

import pytest

from luthier.data.columns.structure import same_lengths, structure_of

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
    assert (found.item, set(found.keys), found.lengths, found.written) == (item, keys, lengths, False)
    if lengths:
        written = structure_of([None if value is None else str(value) for value in values])
        assert (written.item, set(written.keys), written.lengths, written.written) == (item, keys, lengths, True)


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
