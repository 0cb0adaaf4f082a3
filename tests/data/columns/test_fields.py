"""Fields of objects as columns: their profiles and their values."""

from typing import Any

from luthier.data.columns.fields import column_of, flattened, read_fields, with_fields
from luthier.data.columns.profile import ColumnProfile, profile
from luthier.data.records import Record

ROWS: list[dict[str, Any]] = [
    {
        "id": i,
        "review": {"body": f"the bow of {i} is worn", "meta": {"stars": i % 5}, "lang": "en"},
        "written": str({"mood": ["good", "bad"][i % 2], "by": i}),
        "tags": [{"name": "bow"}, {"name": f"peg {i}"}],
        "flags": {"price": i % 2, "size": i % 3 % 2},
    }
    for i in range(40)
]


def profiles() -> dict[str, ColumnProfile]:
    return profile([Record("rows", i, row) for i, row in enumerate(ROWS, 1)])


def test_fields_take_the_place_of_their_objects() -> None:
    table = profiles()
    flat = flattened(table, lists=False)
    # A constant field is left out; flags by label are labels, and no objects.
    assert list(flat) == ["id", "review.body", "review.meta.stars", "written.by", "written.mood", "tags", "flags"]
    assert flat["review.meta.stars"].values == {str(star): 8 for star in range(5)}
    assert flat["written.mood"].distinct == 2
    assert flattened(table, lists=True)["tags.name"].structure.item == "text"
    assert flattened(flat, lists=False) == flat


def test_a_field_is_found_by_its_name() -> None:
    table = profiles()
    for name in ("id", "review", "review.body", "review.lang", "review.meta.stars", "tags.name"):
        column = column_of(table, name)
        assert column is not None and column.name == name
    for name in ("body", "review.bodi", "review.meta.stars.x", "id.x", ""):
        assert column_of(table, name) is None
    assert list(with_fields(table, ["review.body", "id", "no"])) == [*table, "review.body"]
    assert with_fields(table, ["id"]) is table


def test_a_row_gains_the_fields_that_are_named_and_keeps_the_rest() -> None:
    row = ROWS[7]
    found = read_fields(row, ["id", "review.body", "review.meta.stars", "written.mood", "tags.name", "no.field"])
    assert found == row | {
        "review.body": "the bow of 7 is worn",
        "review.meta.stars": 2,
        "written.mood": "bad",
        "tags.name": ["bow", "peg 7"],
    }
    assert read_fields(row, ["id", "review"]) is row
    assert read_fields({"a.b": 1}, ["a.b"]) == {"a.b": 1}, "a column may have a dot in its name"
    for odd in (None, "text", [], {}, {"meta": None}):
        assert read_fields({"review": odd}, ["review.meta.stars"])["review.meta.stars"] in (None, [])
