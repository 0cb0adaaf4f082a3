"""Rows of the tasks with a source and a target: references of a summary, the two sides of a translation."""

from typing import Any

import pytest

from luthier.data.records import Fault
from luthier.tasks.summarization.columns import references
from luthier.tasks.translation.columns import read_side

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


OBJECT = {"source": "translation", "target": "translation"}
PLAIN = {"source": "en", "target": "de"}


@pytest.mark.parametrize(
    ("values", "columns", "shape", "pair"),
    [
        ({"en": "dog", "de": "Hund"}, PLAIN, "en-de", ("dog", "Hund")),
        ({"translation": {"en": "dog", "de": "Hund"}}, OBJECT, "en-de", ("dog", "Hund")),
        ({"translation": {"en": "dog", "de": "Hund"}}, OBJECT, "de-en", ("Hund", "dog")),
        ({"translation": {"zh-CN": "狗", "pt-BR": "cão", "en": "dog"}}, OBJECT, "zh-CN-pt-BR", ("狗", "cão")),
        ({"translation": "{'en': 'dog', 'de': 'Hund'}"}, OBJECT, "en-de", ("dog", "Hund")),
        ({"en": "[dog]", "de": '["Hund"]'}, PLAIN, "en-de", ("[dog]", '["Hund"]')),
    ],
)
def test_pairs(values: dict[str, Any], columns: dict[str, str], shape: str, pair: tuple[str, str]) -> None:
    assert (read_side(values, columns, shape, "source"), read_side(values, columns, shape, "target")) == pair


@pytest.mark.parametrize(
    ("values", "columns", "reason"),
    [
        ({"en": "dog", "de": ""}, PLAIN, "missing-label"),
        ({"en": " ", "de": "Hund"}, PLAIN, "empty-text"),
        ({"de": "Hund"}, PLAIN, "missing-text"),
        ({"translation": {"en": "dog", "de": None}}, OBJECT, "missing-label"),
        ({"translation": {"fr": "chien"}}, OBJECT, "missing-text"),
        ({"translation": None}, OBJECT, "missing-text"),
    ],
)
def test_pairs_that_are_none(values: dict[str, Any], columns: dict[str, str], reason: str) -> None:
    sides = [read_side(values, columns, "en-de", role) for role in ("source", "target")]
    assert next(side.reason for side in sides if isinstance(side, Fault)) == reason


def test_a_source_alone() -> None:
    assert read_side({"en": "dog"}, PLAIN, "en-de", "source") == "dog"
    assert isinstance(read_side({"translation": {"en": "dog"}}, OBJECT, "en-de", "target"), Fault)
