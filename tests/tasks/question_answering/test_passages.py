"""Passages of a question: found in lists and objects, joined, and never left unread in silence."""

from typing import Any

import pytest

from luthier.tasks.question_answering.answers import read_answer_texts, read_context
from luthier.tasks.question_answering.columns import recognise_generative_qa
from luthier.tasks.question_answering.passages import joined, passages_in
from tests.tasks.by_hand import Row, profiles_of

ONE, TWO = "the old shelf near the red chair broke", "after many days of rain the kettle works"


def rows(**columns: Any) -> list[Row]:
    return [{"question": f"when does item {n} break", "answers": [f"day {n}"], **columns} for n in range(10)]


@pytest.mark.parametrize(
    ("columns", "column"),
    [
        ({"passages": [{"is_selected": 0, "passage_text": ONE, "url": "a"}]}, "passages.passage_text"),
        ({"passages": {"is_selected": [0, 1], "passage_text": [ONE, TWO]}}, "passages.passage_text"),
        ({"ctxs": [{"id": "3", "title": "a", "text": ONE}]}, "ctxs.text"),
        ({"contexts": [ONE, TWO]}, "contexts"),
        ({"contexts": str([ONE, TWO])}, "contexts"),
        ({"context": [["a title", [ONE, TWO]]]}, "context"),
        ({"context": {"title": ["a"], "sentences": [[ONE, TWO]]}}, "context.sentences"),
        ({"documents": ["d1", "d2"]}, None),
        ({"evidence_ids": [ONE, TWO]}, None),
    ],
)
def test_columns_of_passages(columns: Row, column: str | None) -> None:
    found = recognise_generative_qa(profiles_of(rows(**columns)), given={}, shape=None)
    assert found is not None
    assert found.columns.get("context") == column
    assert found.shape == ("context" if column else "closed")
    assert found.unclear == ""


def test_a_plain_context_comes_first() -> None:
    columns = {f"context{n}": [ONE] for n in range(2)} | {"context": ONE, "passages": [ONE, TWO]}
    found = recognise_generative_qa(profiles_of(rows(**columns)), given={}, shape=None)
    assert found is not None
    assert found.columns["context"] == "context"


def test_passages_without_a_known_field_are_asked_about() -> None:
    profiles = profiles_of(rows(passages=[{"foo": ONE, "bar": 3}]))
    assert passages_in(profiles) == ([], ["passages"])
    found = recognise_generative_qa(profiles, given={}, shape=None)
    assert found is not None
    assert "'passages' holds lists of objects of bar, foo" in found.unclear
    closed = recognise_generative_qa(profiles, given={}, shape="closed")
    assert closed is not None
    assert closed.unclear == ""


def test_passages_are_joined_in_their_order() -> None:
    assert joined([ONE, None, " ", TWO]) == f"{ONE}\n\n{TWO}"
    assert joined([["Title", [ONE, TWO]], ["B", []]]) == f"Title {ONE} {TWO}\n\nB"
    assert joined([]) == ""
    columns = {"context": "contexts"}
    assert read_context({"contexts": str([ONE, TWO])}, columns) == f"{ONE}\n\n{TWO}"
    assert read_context({"contexts": [TWO]}, columns) == TWO
    assert getattr(read_context({"contexts": [""]}, columns), "reason", "") == "empty-text"
    assert read_context({"contexts": "[1] see below"}, columns) == "[1] see below"


def test_the_words_for_no_answer_are_not_one() -> None:
    assert read_answer_texts({"answers": ["No Answer Present."]}, {"answers": "answers"}) == []
    assert read_answer_texts({"answers": ["No answer is present in him."]}, {"answers": "answers"}) != []
