"""Columns of two languages: which they are, in which direction, and the two sides of a row."""

from collections.abc import Sequence
from typing import Any

import pytest

from luthier.data.records import Fault
from luthier.errors import ColumnError
from luthier.tasks.translation.columns import language_of, likely, read_side, recognise_translation
from luthier.tasks.translation.task import Translation
from tests.tasks.by_hand import Row, profiles_of

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


# -- columns ---------------------------------------------------------------------------------------------------------

LETTERS = "abcdefghij"


def table(*columns: str, long: Sequence[str] = ()) -> list[dict[str, str]]:
    return [
        {name: f"{letter} {name} says " + ("it is so " * (9 if name in long else 1)) for name in columns}
        for letter in LETTERS
    ]


def found_in(rows: Sequence[Row], *, shape: str | None = None, **given: Any) -> tuple[str, str, str, float] | None:
    found = recognise_translation(profiles_of(rows), given=given, shape=shape)
    if found is None:
        return None
    return found.shape, str(found.columns["source"]), str(found.columns["target"]), found.confidence


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["fr", "de"], ("fr-de", "fr", "de", 0.95)),
        (["de", "fr", "en"], ("en-de", "en", "de", 0.95)),
        (["German", "English"], ("en-de", "English", "German", 0.95)),
        (["sentence_pt_BR", "sentence_es"], None),
        (["pt_BR", "es"], ("pt-es", "pt_BR", "es", 0.95)),
        (["de", "text", "en_note"], None),
        (["title_de", "text_de", "text_en"], ("en-de", "text_en", "text_de", 0.95)),
        (["source_text", "target_text"], ("", "source_text", "target_text", 0.75)),
        (["src", "translation"], ("", "src", "translation", 0.75)),
        (["input", "output"], ("", "input", "output", 0.3)),
        (["source"], None),
    ],
)
def test_two_columns_are_called_by_languages_or_source_and_target(
    columns: list[str], found: tuple[str, str, str, float] | None
) -> None:
    assert found_in(table(*columns)) == found


@pytest.mark.parametrize(
    ("columns", "long", "confidence"), [(["en", "de"], ["de"], 0.4), (["source", "target"], ["source"], 0.3)]
)
def test_texts_of_unlike_length_are_hardly_translations(columns: list[str], long: list[str], confidence: float) -> None:
    found = found_in(table(*columns, long=long))
    assert found is not None
    assert found[3] == confidence


def test_a_language_whose_column_holds_no_text_is_none() -> None:
    rows = [{**row, "id": i, "it": "yes"} for i, row in enumerate(table("en", "de"))]
    assert found_in(rows) == ("en-de", "en", "de", 0.95)
    assert found_in([{"en": row["en"], "id": i, "it": "yes"} for i, row in enumerate(rows)]) is None


def test_an_object_with_a_text_for_each_language_is_both_sides() -> None:
    rows = [{"t": {"fr": "oui", "en": "yes", "de": "ja"}}] * 3
    found = recognise_translation(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert (found.shape, found.columns) == ("en-de", {"source": "t", "target": "t"})
    assert [decision.value for decision in found.why if decision.what == "not used"] == ["'fr'"]
    assert found_in(rows, shape="fr-de") == ("fr-de", "t", "t", 0.97)
    assert found_in([{"t": {"text": "yes", "note": "no"}}] * 3) is None


@pytest.mark.parametrize(
    ("shape", "given", "found"),
    [
        ("de-en", {}, ("de-en", "de", "en", 0.95)),
        ("en-cs", {}, None),
        ("single", {}, None),
        (None, {"text": "de"}, ("de-en", "de", "en", 0.95)),
        (None, {"label": "en"}, ("de-en", "de", "en", 0.95)),
        (None, {"source": "fr", "target": "de"}, ("fr-de", "fr", "de", 1.0)),
        ("fr-de", {"source": "note", "target": "de"}, ("fr-de", "note", "de", 0.4)),
        (None, {"source": "note", "target": "de"}, ("", "note", "de", 0.4)),
        (None, {"source": "de", "target": ["en", "fr"]}, None),
        (None, {"spans": "note"}, None),
    ],
)
def test_what_the_user_names_decides_the_direction(
    shape: str | None, given: dict[str, Any], found: tuple[str, str, str, float] | None
) -> None:
    assert found_in(table("de", "en", "fr", "note"), shape=shape, **given) == found


def test_the_languages_of_source_and_target_are_those_that_were_asked_for() -> None:
    assert found_in(table("source", "target"), shape="cs-en") == ("cs-en", "source", "target", 0.75)
    with pytest.raises(ColumnError, match="no column 'ed'"):
        found_in(table("en", "de"), label="ed")


def test_why_a_direction_was_taken_is_told() -> None:
    def told(rows: Sequence[Row], **given: Any) -> tuple[str, str]:
        found = recognise_translation(profiles_of(rows), given=given, shape=None)
        assert found is not None
        (line,) = [decision for decision in found.why if decision.what == "languages"]
        return line.value, line.why

    value, english = told(table("de", "en"))
    assert value == "en to de" and "English" in english
    assert told(table("fr", "de")) == ("fr to de", "in the order of the table")
    assert told(table("de", "en"), text="de") == ("de to en", "as given")


@pytest.mark.parametrize("name", ["en", "text_en", "English", "the english text", "EN"])
def test_a_name_tells_one_language(name: str) -> None:
    assert language_of(name) == "en"


@pytest.mark.parametrize("name", ["", "12", "sentence", "in the old english text", "german_english_text"])
def test_a_name_of_many_words_or_of_two_languages_tells_none(name: str) -> None:
    assert language_of(name) == ""


def test_what_the_columns_hold_instead_is_told() -> None:
    assert all(repr(name) in Translation().why_not(profiles_of(table("text", "note")), {}) for name in ("text", "note"))


def test_translations_into_another_script_may_be_shorter() -> None:
    rows = [{"one": f"we go to the old town today {n}", "other": f"今日町へ行く{n}"} for n in range(12)]
    assert likely(profiles_of(rows)) == [{"source": "one", "target": "other"}, {"source": "other", "target": "one"}]
    latin = [{"one": row["one"], "other": f"wir {n}"} for n, row in enumerate(rows)]
    assert likely(profiles_of(latin)) == []


def test_two_texts_that_share_most_words_are_offered_in_their_order() -> None:
    rows = [{"column1": f"we goes to the old town {n}", "column2": f"we go to the old town {n}"} for n in range(12)]
    assert likely(profiles_of(rows)) == [{"source": "column1", "target": "column2"}]
    assert likely(profiles_of([row | {"score": n} for n, row in enumerate(rows)])) == []


def test_an_id_is_not_indonesian() -> None:
    rows = table("arabic", "id")
    assert found_in(rows) == ("ar-id", "arabic", "id", 0.95)
    assert found_in([row | {"id": f"wo-ar-{i:04}"} for i, row in enumerate(rows)]) is None
