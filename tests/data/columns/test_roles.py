"""Which column plays which role: what the user names, what names say, what a column holds, and how it is told."""

from collections.abc import Sequence
from typing import Any

import pytest

from luthier.data.columns.profile import ColumnProfile, profile
from luthier.data.columns.roles import (
    SPLIT,
    asked,
    by_name,
    described,
    is_named,
    is_prose,
    is_structured,
    said,
    several,
    there_are,
    unused,
    with_split,
)
from luthier.data.records import Record
from luthier.errors import ColumnError
from luthier.findings import Decision

SENTENCES = ["the film is slow", "a bright plot", "never seen before", "what a fine story"]
INPUTS = ("question", "context")


def columns(**cells: Sequence[Any]) -> dict[str, ColumnProfile]:
    rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
    return profile([Record("t.csv", number, row) for number, row in enumerate(rows, start=1)])


def column(values: Sequence[Any], name: str = "x") -> ColumnProfile:
    return columns(**{name: values})[name]


TABLE = columns(q=SENTENCES, c=SENTENCES, a=["yes", "no", "yes", "no"])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        ({"text": "q"}, {"question": "q"}),
        ({"text": ["q", "c"], "label": "a"}, {"question": "q", "context": "c", "answers": "a"}),
        ({"text": "c", "text_pair": "q"}, {"question": "c", "context": "q"}),
        ({"question": "q", "answers": "a"}, {"question": "q", "answers": "a"}),
        ({"text": "q", "answers": "a"}, {"question": "q", "answers": "a"}),
        ({"labels": ["a"]}, {"answers": "a"}),
        ({"labels": ["a", "c"]}, {"answers": ["a", "c"]}),
        ({"text": "q", "split": "c"}, {"question": "q"}),  # `with_split` finds that one
    ],
)
def test_named_columns_get_the_roles_of_the_task(given: dict[str, Any], found: dict[str, Any]) -> None:
    assert asked(TABLE, given, INPUTS, "answers") == found


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ({"text": ["q", "c", "a"]}, "answers"),  # more than the task reads
        ({"text": "q", "label": "a"}, ""),  # a task that learns from its inputs
        ({"tokens": "q"}, "answers"),  # the role of another task
    ],
)
def test_columns_that_the_task_has_no_role_for_are_of_another_task(given: dict[str, Any], target: str) -> None:
    assert asked(TABLE, given, INPUTS, target) is None


@pytest.mark.parametrize(
    ("given", "where"),
    [({"text_pair": "z"}, "--text"), ({"labels": ["a", "z"]}, "--label"), ({"context": "z"}, "data.columns")],
)
def test_a_named_column_that_is_missing_is_refused_where_it_was_named(given: dict[str, Any], where: str) -> None:
    with pytest.raises(ColumnError, match="no column 'z'") as caught:
        asked(TABLE, given, INPUTS, "answers")
    assert caught.value.where == where


def test_whole_names_come_before_parts_and_earlier_names_before_later_ones() -> None:
    table = columns(the_answer="a", answer="a", gold="a", answerStart="a", other="a")
    assert by_name(table, ("answer start", "answer"), lambda column: True) == ["answerStart", "answer", "the_answer"]
    assert by_name(table, ("answer", "gold"), lambda column: column.name != "answer")[0] == "gold"
    assert by_name(table, ("text",), lambda column: True) == []


def test_a_column_is_called_by_its_whole_name() -> None:
    assert is_named("Answer_Start", ["text", "answer start"])
    assert not is_named("my answer", ["answer"])


@pytest.mark.parametrize(
    "values", [SENTENCES, ["film", "plot"], ["这部电影很好看", "不差"], ["", "one more"], ["3 films", "2 plots"]]
)
def test_language_is_prose(values: list[str]) -> None:
    assert is_prose(column(values))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", ["1", "2.5"]),
        ("x", ["...", "?!"]),
        ("x", ["true", "false"]),
        ("x", [None, " "]),
        ("x", [["a film"], ["a plot"]]),
        ("x", ["['a film']", "['a plot']"]),
        ("x", [{"text": "a film"}, {"text": "a plot"}]),
        ("x", ["train", "test"]),
        ("x", [f"f{row}-{row * 7919}" for row in range(20)]),
        ("text_id", ["ada", "bob"]),
    ],
)
def test_numbers_codes_flags_lists_and_splits_are_no_prose(name: str, values: list[Any]) -> None:
    assert not is_prose(column(values, name))


@pytest.mark.parametrize("values", [[["a"]], ["[1, 2]"], [{"a": "b"}], ['{"a": "b"}'], [[]]])
def test_lists_and_objects_are_structured_also_as_text(values: list[Any]) -> None:
    assert is_structured(column(values))


@pytest.mark.parametrize("values", [SENTENCES, ["[Chorus]"], [1, 2], [None]])
def test_plain_values_are_not_structured(values: list[Any]) -> None:
    assert not is_structured(column(values))


SPLITS = columns(text=["a film", "a plot"], part=["train", "test"], set=["dev", "test"])


def test_the_column_that_names_splits_is_found_and_noted() -> None:
    why: list[Decision] = []
    assert with_split(SPLITS, {}, {"text": "text"}, why) == {"text": "text", SPLIT: "part"}
    assert why == [Decision(SPLIT, "column 'part'", "its values are train, test")]


def test_a_column_with_another_role_names_no_split() -> None:
    assert with_split(SPLITS, {}, {"text": "text", "label": ["part"]}, [])[SPLIT] == "set"


def test_the_split_column_that_the_user_names_is_taken() -> None:
    assert with_split(SPLITS, {SPLIT: "set"}, {"text": "text"}, [])[SPLIT] == "set"
    with pytest.raises(ColumnError, match="no column 'sets'") as caught:
        with_split(SPLITS, {SPLIT: "sets"}, {"text": "text"}, [])
    assert caught.value.where == "data.columns.split"


def test_without_a_split_column_nothing_changes() -> None:
    why: list[Decision] = []
    assert with_split(TABLE, {}, {"text": "q"}, why) == {"text": "q"}
    assert why == []


@pytest.mark.parametrize(
    ("values", "content"),
    [
        (["one two three", "four"], "2 words on average"),
        ([["a"], ["b"]], "lists of texts"),
        ([[1], [2]], "lists of numbers"),
        ([[[0, 4, "PER"]]], "lists of spans"),
        ([[[1], [2]]], "lists of lists"),
        ([[{"role": "user", "content": "Hi"}]], "lists of objects of content, role"),
        ([{"en": "a", "de": "b"}], "objects of de, en"),
        ([[]], "lists"),
    ],
)
def test_a_column_that_is_taken_is_told_with_what_it_holds(values: list[Any], content: str) -> None:
    assert said("text", column(values), "by content") == Decision("text", "column 'x'", f"{content}, by content")


def test_a_column_that_the_user_named_needs_no_reason() -> None:
    assert said("text", column(SENTENCES), "as given") == Decision("text", "column 'x'", "as given")


def test_columns_that_could_have_been_taken_are_told_in_one_line() -> None:
    assert unused(["a", "b"], "also text") == [Decision("not used", "'a', 'b'", "also text")]
    assert unused([], "also text") == []


@pytest.mark.parametrize(
    ("name", "values", "clause"),
    [
        ("x", [None, ""], "'x' is empty"),
        ("x", [["a"], ["b"]], "'x' holds lists of texts"),
        ("x", ['{"a": 1}'], "'x' holds objects of a"),
        ("part", ["train", "test"], "'part' names the split"),
        ("id", ["a", "b"], "'id' is an id"),
        ("x", ["same", "same", None], "'x' is the same in all rows"),
        ("x", ["a", "b", "a"], "'x' has 2 different values in 3 rows"),
        ("x", ["1", "2", "2.5"], "'x' has 3 different numbers in 3 rows"),
    ],
)
def test_a_column_is_described_by_what_it_holds(name: str, values: list[Any], clause: str) -> None:
    assert described(column(values, name)) == clause


def test_a_reason_ends_with_what_each_column_holds() -> None:
    assert there_are(columns(x=["a", "b"], y=["", ""])) == "'x' has 2 different values in 2 rows; 'y' is empty"
    assert there_are({}) == "there is no column"


def test_one_name_or_several_become_a_list() -> None:
    names = ["a", "b"]
    assert (several(None), several("ab"), several(names)) == ([], ["ab"], names)
    assert several(names) is not names
