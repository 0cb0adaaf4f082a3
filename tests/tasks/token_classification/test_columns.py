"""Columns of words with tags, and of texts with spans."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from luthier.errors import ColumnError
from luthier.tasks.text_classification.columns import recognise_classification
from luthier.tasks.token_classification.columns import likely, recognise_tokens
from luthier.tasks.token_classification.task import TokenClassification
from tests.tasks.by_hand import Row, profiles_of

SENTENCES = [["Ada", "met", "Bob"], ["in", "New", "York", "."], ["he", "plays"], ["Paul"]]
NER = {1: ["B-PER"], 2: ["O", "O"], 3: ["B-PER", "O", "B-PER"], 4: ["O", "B-LOC", "I-LOC", "O"]}
SPANS = [[{"start": 0, "end": 3, "label": "PER"}], []]


def tags(kind: str, sentence: list[str]) -> Any:
    """A list of the sentence's length: of NER tags, of numbers, of parts of speech, or of nothing but O."""
    n = len(sentence)
    return {"ner": NER[n], "number": list(range(n)), "pos": ["NN"] * n, "outside": ["O"] * n, "short": ["O"]}[kind]


def table(words: str = "tokens", **kinds: str) -> list[dict[str, Any]]:
    """Eight rows of words, with columns of tags of some kind."""
    rows = SENTENCES * 2
    return [{words: words_, **{name: tags(kind, words_) for name, kind in kinds.items()}} for words_ in rows]


def spans(text: str = "text", spans: str = "spans", **others: Any) -> list[dict[str, Any]]:
    return [{text: f"{' '.join(SENTENCES[i % 4])} {i}", spans: SPANS[i % 2], **others} for i in range(8)]


def found_in(
    rows: Sequence[Row], *, shape: str | None = None, **given: Any
) -> tuple[str, dict[str, Any], float] | None:
    found = recognise_tokens(profiles_of(rows), given=given, shape=shape)
    return None if found is None else (found.shape, found.columns, found.confidence)


# -- words with tags -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "tags", "confidence"),
    [
        (table(ner_tags="ner"), "ner_tags", 0.97),
        (table(pos="pos", ner="ner"), "ner", 0.97),
        (table(upos="pos", pos_tags="pos"), "upos", 0.97),
        (table(labels="number"), "labels", 0.97),
        (table(b="ner"), "b", 0.85),
        (table(b="ner", labels="short"), "b", 0.85),
    ],
    ids=["by name", "the better name", "of two schemes", "numbers by name", "by content", "a name of another length"],
)
def test_tags_are_found_by_name_or_by_what_they_hold(rows: list[dict[str, Any]], tags: str, confidence: float) -> None:
    assert found_in(rows) == ("tokens", {"tokens": "tokens", "tags": tags}, confidence)


def test_words_by_any_name_are_less_sure() -> None:
    assert found_in(table("pieces", ner="ner")) == ("tokens", {"tokens": "pieces", "tags": "ner"}, 0.85)


@pytest.mark.parametrize("kind", ["number", "pos", "outside"])
def test_lists_that_only_happen_to_be_as_long_are_no_tags(kind: str) -> None:
    assert found_in(table(other=kind)) is None


def test_other_tags_are_told() -> None:
    found = recognise_tokens(profiles_of(table(ner_tags="ner", pos_tags="pos")), given={}, shape=None)
    assert found is not None
    assert [decision.value for decision in found.why if decision.what == "not used"] == ["'pos_tags'"]


def test_a_broken_row_does_not_hide_the_tags() -> None:
    rows = [*table(ner="ner") * 2, {"tokens": ["one"], "ner": ["O", "O"]}]
    assert found_in(rows) == ("tokens", {"tokens": "tokens", "tags": "ner"}, 0.97)
    broken = [{**row, "ner": [*row["ner"], "O"]} if i % 2 else row for i, row in enumerate(rows)]
    assert found_in(broken) is None


# -- texts with spans ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "columns", "confidence"),
    [
        (spans(), {"text": "text", "spans": "spans"}, 0.97),
        (spans("note", "marks"), {"text": "note", "spans": "marks"}, 0.85),
        (spans("note", "entities", other="it is so"), {"text": "note", "spans": "entities"}, 0.97),
        (spans("content", "label", note="it is so"), {"text": "content", "spans": "label"}, 0.97),
    ],
)
def test_spans_are_found_by_name_or_by_what_they_hold(
    rows: list[dict[str, Any]], columns: dict[str, str], confidence: float
) -> None:
    assert found_in(rows) == ("spans", columns, confidence)


def test_places_without_a_label_are_no_spans() -> None:
    assert found_in([{"text": "Ada met Bob", "spans": [{"start": 0, "end": 3}]}] * 4) is None


# -- what the user says ----------------------------------------------------------------------------------------------


def test_a_shape_that_was_asked_for_is_the_only_one_looked_for() -> None:
    both = [{**one, **other} for one, other in zip(table(ner="ner"), spans(), strict=True)]
    assert found_in(both, shape="spans") == ("spans", {"text": "text", "spans": "spans"}, 0.97)
    assert found_in(both, shape="tokens") == ("tokens", {"tokens": "tokens", "tags": "ner"}, 0.97)
    assert found_in(both, shape="prompt") is None
    assert found_in(table(ner="ner"), shape="spans") is None


@pytest.mark.parametrize(
    ("given", "columns", "confidence"),
    [
        ({"tokens": "tokens", "tags": "pos"}, {"tokens": "tokens", "tags": "pos"}, 1.0),
        ({"text": "tokens", "label": "pos"}, {"tokens": "tokens", "tags": "pos"}, 1.0),
        ({"label": "pos"}, {"tokens": "tokens", "tags": "pos"}, 0.97),
        ({"text": "tokens"}, {"tokens": "tokens", "tags": "ner"}, 0.97),
    ],
)
def test_named_columns_are_taken(given: dict[str, str], columns: dict[str, str], confidence: float) -> None:
    rows = [{**row, "split": "train" if i % 2 else "test"} for i, row in enumerate(table(ner="ner", pos="pos"))]
    assert found_in(rows, **given) == ("tokens", columns | {"split": "split"}, confidence)


def test_a_named_column_that_holds_no_lists_is_no_tag() -> None:
    rows = [{**row, "note": "it is so"} for row in table(ner="ner")]
    assert found_in(rows, label="note") is None
    assert found_in(rows, text="note") is None
    assert found_in(spans(), text="text", spans="text") is None
    with pytest.raises(ColumnError, match="no column 'nre'"):
        found_in(rows, label="nre")


def test_the_decisions_say_how_each_column_was_found() -> None:
    found = recognise_tokens(profiles_of(table("pieces", ner="ner")), given={"tags": "ner"}, shape=None)
    assert found is not None
    assert [(decision.what, decision.why.rpartition(", ")[2]) for decision in found.why] == [
        *(("tokens", "by content"), ("tags", "as given")),
    ]


def test_what_the_columns_hold_instead_is_told() -> None:
    reason = TokenClassification().why_not(profiles_of(table(other="pos")), {})
    assert all(repr(name) in reason for name in ("tokens", "other"))


# -- texts with a tag for each word ----------------------------------------------------------------------------------

WRITTEN: dict[str, Callable[[list[str]], Any]] = {"a list": list, "blanks": " ".join, "commas": ",".join, "Python": str}


def texts(write: Callable[[list[str]], Any], **others: Callable[[int], Any]) -> list[dict[str, Any]]:
    return [
        {"text": " ".join(words), "labels": write(NER[len(words)]), **{name: of(i) for name, of in others.items()}}
        for i, words in enumerate(SENTENCES * 6)
    ]


@pytest.mark.parametrize("how", WRITTEN)
def test_a_text_with_a_tag_for_each_word_is_split_at_blanks(how: str) -> None:
    rows = texts(WRITTEN[how])
    assert recognise_classification(profiles_of(rows), given={}, shape=None) is None
    found = recognise_tokens(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert (found.columns, found.unclear) == ({"tokens": "text", "tags": "labels"}, "")
    assert "split at spaces" in [one.value for one in found.why]
    assert found_in(rows, text="text", label="labels") == ("tokens", {"tokens": "text", "tags": "labels"}, 1.0)


def test_a_text_with_more_words_than_tags_is_not_split() -> None:
    rows = [row | {"text": f"{row['text']} and so on"} for row in texts(list)]
    assert found_in(rows) is None


def test_tags_beside_a_label_of_the_whole_text_are_asked_about() -> None:
    rows = texts(" ".join, intent=lambda i: ["play", "stop"][i % 2], number=lambda i: f"{i}")
    found = recognise_tokens(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert "a label, in 'intent'" in found.unclear
    assert likely(profiles_of(rows)) == [{"tokens": "text", "tags": "labels"}]
