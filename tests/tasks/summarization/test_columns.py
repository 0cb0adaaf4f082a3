"""Columns of documents and their summaries, and the references of a row."""

from collections.abc import Sequence
from typing import Any

import pytest

from luthier.errors import ColumnError
from luthier.tasks.summarization.columns import recognise_summarization, references, why_not
from tests.tasks.by_hand import profiles_of

ROW = {
    "document": "long",
    "summary1": "one",
    "summary2": "two",
    "summary3": "one",
    "topic1": "x",
    "other": ["a", "", "b"],
}


@pytest.mark.parametrize(
    ("values", "column", "found"),
    [
        ({"summary": "one"}, "summary", ["one"]),
        (ROW, "summary", ["one", "two"]),
        (ROW, "summary2", ["two"]),
        (ROW, ["summary1", "summary2"], ["one", "two"]),
        ({"summary": "one"}, ["summary1", "summary2"], ["one"]),
        (ROW, "other", ["a", "b"]),
        ({"s": "['a', 'b']"}, "s", ["a", "b"]),
        ({"s": "[He] left"}, "s", ["[He] left"]),
        ({"s": None}, "s", []),
        ({"s": " "}, "s", []),
        (ROW, "abstract", []),
    ],
)
def test_references(values: dict[str, Any], column: str | list[str], found: list[str]) -> None:
    assert references(values, column) == found


# -- columns ---------------------------------------------------------------------------------------------------------

LETTERS = "abcdefghij"
SHORT = "the strings were worn"
LONG = f"{SHORT} and the bow had lost its hair so that nobody wished to play on it"


def table(short: Sequence[str] = (), long: Sequence[str] = (), **others: list[Any]) -> list[dict[str, Any]]:
    """Ten rows; a text has a word of its row's own, and other columns have one of their items in turn."""
    texts = {**dict.fromkeys(short, SHORT), **dict.fromkeys(long, LONG)}
    return [
        {name: f"{letter} {text}" for name, text in texts.items()}
        | {name: items[i % len(items)] for name, items in others.items()}
        for i, letter in enumerate(LETTERS)
    ]


def found_in(rows: list[dict[str, Any]], **given: Any) -> tuple[dict[str, Any], float] | None:
    found = recognise_summarization(profiles_of(rows), given=given, shape=None)
    return None if found is None else (found.columns, found.confidence)


@pytest.mark.parametrize(
    ("rows", "summary", "confidence"),
    [
        (table(["tldr"], ["document"]), "tldr", 0.95),
        (table(["headline"], ["document"]), "headline", 0.95),
        (table(["title"], ["document"]), "title", 0.5),
        (table(["title", "abstract"], ["document"]), "abstract", 0.95),
        (table(["summary"], ["document"], rating=[1, 2, 3]), "summary", 0.6),
        (table(["summary"], ["document"], topic=["wood", "wire"]), "summary", 0.95),
        (table(["document"], ["summary"]), "summary", 0.3),
        (table([], ["document"], summaries=[["worn strings", "a lost bow"]]), "summaries", 0.95),
    ],
    ids=[
        "clear",
        "a headline",
        "a title",
        "the better name",
        "a review's heading",
        "a topic",
        "longer than its text",
        "a list",
    ],
)
def test_a_summary_is_shorter_than_its_document_and_no_heading_of_an_opinion(
    rows: list[dict[str, Any]], summary: str, confidence: float
) -> None:
    assert found_in(rows) == ({"document": "document", "summary": summary}, confidence)


def test_a_document_by_a_part_of_its_name_is_less_sure() -> None:
    assert found_in(table(["summary"], ["long_document"])) == ({"document": "long_document", "summary": "summary"}, 0.8)


def test_numbered_summaries_are_references_for_one_document() -> None:
    rows = table(["summary2", "summary1", "summary_of_topic"], ["dialogue"])
    found = recognise_summarization(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert found.columns == {"document": "dialogue", "summary": ["summary2", "summary1"]}
    (line,) = [decision for decision in found.why if decision.what == "references"]
    assert line.value == "summary2, summary1" and line.why.startswith("2 summaries")


def test_a_plain_summary_stands_before_numbered_ones() -> None:
    found = found_in(table(["summary1", "summary"], ["dialogue"]))
    assert found is not None
    assert found[0]["summary"] == "summary"


@pytest.mark.parametrize(
    ("given", "columns", "confidence"),
    [
        ({"document": "text", "summary": "summary"}, {"document": "text", "summary": "summary"}, 1.0),
        ({"text": "text", "label": ["summary", "title"]}, {"document": "text", "summary": ["summary", "title"]}, 1.0),
        ({"text": "body"}, {"document": "body", "summary": "summary"}, 0.95),
        ({"text": "text", "label": "title"}, {"document": "text", "summary": "title"}, 0.5),
        ({"label": "text"}, {"document": "body", "summary": "text"}, 0.3),
    ],
)
def test_named_columns_are_taken(given: dict[str, Any], columns: dict[str, Any], confidence: float) -> None:
    assert found_in(table(["summary", "title"], ["text", "body"]), **given) == (columns, confidence)


def test_what_is_no_document_with_a_summary_is_none() -> None:
    rows = table(["summary"], ["text"])
    assert recognise_summarization(profiles_of(rows), given={}, shape="prompt") is None
    assert found_in(rows, spans="text") is None
    assert found_in(table(["summary"])) is None
    assert found_in(table([], ["text"])) is None
    with pytest.raises(ColumnError, match="no column 'sumary'"):
        found_in(rows, label="sumary")


def test_which_of_the_two_is_missing_is_told_with_what_there_is() -> None:
    document, summary = (why_not(profiles_of(rows)) for rows in (table(["summary"]), table([], ["text"])))
    assert " a document: " in document and "'summary'" in document
    assert " a summary: " in summary and "'text'" in summary
