"""Kinds of numbers and how sure a label is; `tests/data/columns/test_columns.py` has whole tables."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from luthier.errors import RecipeError, UsageError
from luthier.tasks.text_classification.columns import recognise_classification, why_not
from tests.tasks.by_hand import Row, profiles_of

ROWS = 120
WORDS = ["bow", "string", "peg", "scroll", "bridge", "wood", "glue", "hair", "rib", "neck"]
TEXT = "the {0} was worn and the {1} was broken so that nobody played the {2}"
Cell = Callable[[int], Any]


def prose(i: int) -> str:
    return TEXT.format(WORDS[i % 10], WORDS[i // 10 % 10], WORDS[i * 7 % 10])


def brief(i: int) -> str:
    return f"the {WORDS[i % 10]} of {WORDS[i // 10 % 10]} and {WORDS[i * 3 % 10]}"


def one_of(*values: Any) -> Cell:
    return lambda i: values[i * i % 7 % len(values)]


def table(**columns: Cell) -> list[Row]:
    return [{name: cell(i) for name, cell in columns.items()} for i in range(ROWS)]


def found_in(
    rows: Sequence[Row], *, shape: str | None = None, **given: Any
) -> tuple[str, dict[str, Any], float] | None:
    found = recognise_classification(profiles_of(rows), given=given, shape=shape)
    return None if found is None else (found.shape, found.columns, found.confidence)


# -- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cell", "kind"),
    [
        ("label", lambda i: i % 60, "one"),
        ("label", lambda i: 1 + i % 60, "one"),
        ("label", lambda i: 5 * (i % 60), "number"),
        ("age", lambda i: i % 60, "number"),
        ("label", lambda i: 5 * (i % 40), "one"),
        ("rating", lambda i: (i % 5) / 2, "one"),
        ("rating", lambda i: (i % 9) / 2, "number"),
        ("rating", lambda i: str((i % 9) / 2), "number"),
        ("stars", lambda i: 1 + i % 5, "one"),
    ],
    ids=["from 0", "from 1", "with gaps", "a quantity", "few", "few halves", "many halves", "as text", "stars"],
)
def test_a_number_is_a_class_where_it_only_names_one(name: str, cell: Cell, kind: str) -> None:
    found = found_in(table(text=prose, **{name: cell}))
    assert found is not None
    assert found[0] == f"single/{kind}"


# -- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "label", "confidence"),
    [
        ({"label": one_of("a", "b")}, "label", 0.95),
        ({"has_glue": one_of("yes", "no")}, "has_glue", 0.85),
        ({"wear label": one_of("a", "b")}, "wear label", 0.85),
        ({"wear": one_of("a", "b")}, "wear", 0.6),
        ({"wear": one_of("a", "b"), "wood": one_of("oak", "elm")}, "wood", 0.4),
        ({"language": one_of("en", "de")}, "language", 0.3),
        ({"title": one_of("act", "scene")}, "title", 0.3),
    ],
)
def test_a_label_is_surest_by_its_name(columns: dict[str, Cell], label: str, confidence: float) -> None:
    found = found_in(table(text=prose, **columns))
    assert found is not None
    assert (found[1]["label"], found[2]) == (label, confidence)


def test_a_text_by_content_is_less_sure_than_its_label() -> None:
    found = found_in(table(said=prose, label=one_of("a", "b")))
    assert found == ("single/one", {"text": "said", "label": "label"}, 0.7)


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (lambda i: ["bow", "peg", "bow|peg", "peg|rib"][i % 4], "3 labels, joined by '|'"),
        (lambda i: [["bow"], ["peg", "rib"], []][i % 3], "3 labels, lists"),
    ],
)
def test_several_labels_in_a_cell_are_counted(cell: Cell, told: str) -> None:
    found = recognise_classification(profiles_of(table(text=prose, parts=cell)), given={"label": "parts"}, shape=None)
    assert found is not None
    assert (found.shape, found.columns["labels"]) == ("single/several", "parts")
    assert [decision.why for decision in found.why if decision.what == "shape"] == [told]


def test_a_single_column_of_flags_is_one_of_several_only_where_it_is_asked_for() -> None:
    rows = table(text=prose, worn=one_of(0, 1))
    assert found_in(rows) == ("single/one", {"text": "text", "label": "worn"}, 0.6)
    assert found_in(rows, labels="worn") == ("single/several", {"text": "text", "labels": ["worn"]}, 0.95)


# -- what the user says ----------------------------------------------------------------------------------------------


def test_numbers_that_may_have_thousands_are_asked_about_unless_the_shape_is_given() -> None:
    rows = table(text=prose, price=lambda i: str(400 + i) if i % 2 else f"{i // 50 + 1}.{i % 50 + 300}")
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None and "'price' are ambiguous: 1.300" in found.unclear
    assert found.shapes == ["single/number"]
    given = recognise_classification(profiles_of(rows), given={}, shape="single/number")
    assert given is not None and not given.unclear


def test_a_named_split_is_taken_instead_of_one_that_looks_like_it() -> None:
    rows = table(text=prose, label=one_of("a", "b"), part=one_of("x", "y"), split=one_of("train", "test"))
    found, named = found_in(rows), found_in(rows, split="part")
    assert found is not None and named is not None
    assert (found[1]["split"], named[1]["split"]) == ("split", "part")


@pytest.mark.parametrize(
    ("given", "shape", "hint"),
    [
        ({"text": ["a", "b"]}, "single/number", "pair/number"),
        ({"label": ["c", "d"]}, "pair/one", "pair/several"),
    ],
)
def test_a_shape_that_what_was_named_contradicts_is_answered_with_one_that_fits(
    given: dict[str, Any], shape: str, hint: str
) -> None:
    rows = table(a=prose, b=prose, c=one_of(0, 1), d=one_of(1, 0))
    with pytest.raises(RecipeError) as caught:
        found_in(rows, shape=shape, **given)
    assert caught.value.where == "shape"
    assert hint in caught.value.hint


def test_a_column_named_for_two_roles_is_told() -> None:
    with pytest.raises(UsageError, match="'b'"):
        found_in(table(a=prose, b=prose), text="a", text_pair="b", label="b")


# -- what is missing -------------------------------------------------------------------------------------------------


def test_what_each_other_column_holds_is_told_with_the_text() -> None:
    rows = table(text=prose, id=lambda i: i, empty=one_of(None))
    assert found_in(rows) is None
    reason = why_not(profiles_of(rows))
    assert "'text' is the text" in reason and "'empty' is empty" in reason and "'id' is an id" in reason
    assert "and there is no other column" in why_not(profiles_of(table(text=prose)))
    pair = why_not(profiles_of(table(a=prose, b=brief, note=brief)), given={"text": ["a", "b"]})
    assert "'a' and 'b' are the text" in pair and "'note'" in pair
