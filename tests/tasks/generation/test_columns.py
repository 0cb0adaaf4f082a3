"""Columns of text to go on writing, and of stories with what they were asked for."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from luthier.data.columns.profile import Recognition
from luthier.errors import ColumnError
from luthier.tasks.creative_writing.task import CreativeWriting
from luthier.tasks.generation.columns import recognise_text, recognise_writing
from luthier.tasks.text_generation.task import TextGeneration
from tests.tasks.by_hand import Row, profiles_of

SHORT = ["the old violin", "a broken string", "the bow of yew", "two wooden pegs"]
LONG = "nobody touched it and yet it began to play in the night"


def table(short: Sequence[str] = (), long: Sequence[str] = (), **others: Any) -> list[Row]:
    """Ten rows; the cells of a column are different texts of three words or of thirteen."""
    return [
        dict.fromkeys(short, f"{SHORT[i % 4]} {'abcdefghij'[i]}")
        | dict.fromkeys(long, f"{'abcdefghij'[i]} {LONG}")
        | {name: cell[i % len(cell)] if isinstance(cell, list) else cell for name, cell in others.items()}
        for i in range(10)
    ]


def found_in(
    recognise: Callable[..., Recognition | None], rows: list[Row], *, shape: str | None = None, **given: Any
) -> tuple[dict[str, Any], float] | None:
    found = recognise(profiles_of(rows), given=given, shape=shape)
    return None if found is None else (found.columns, found.confidence)


# -- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (table(short=["body"], long=["other"]), "body"),
        (table(short=["a"], long=["b"]), "b"),
        (table(long=["b"], a=[f"the same {LONG} in all rows"]), "b"),
        (table(text=["1+1=2", "2+2=4", "3+3=6"]), "text"),
    ],
    ids=["by name", "by length", "by how much it varies", "sums, by name"],
)
def test_the_text_is_found_by_its_name_and_else_by_what_it_holds(rows: list[Row], text: str) -> None:
    found = found_in(recognise_text, rows)
    assert found is not None
    assert found[0] == {"text": text}


@pytest.mark.parametrize(
    ("rows", "confidence"),
    [
        (table(long=["text"]), 0.85),
        (table(long=["text"], url=["a/b"], date=["may 2001", "june 2002"]), 0.6),
        (table(long=["text", "other"]), 0.25),
        (table(long=["text"], parts=[[["a", "b"]]]), 0.25),
        (table(long=["text"], label=["good", "bad"]), 0.2),
    ],
    ids=["alone", "with where it comes from", "with another text", "with lists", "with a label"],
)
def test_the_more_a_table_holds_the_less_sure_it_is_text_to_write(rows: list[Row], confidence: float) -> None:
    found = found_in(recognise_text, rows)
    assert found is not None
    assert found[1] == confidence


def test_a_named_text_is_taken_and_the_others_are_told() -> None:
    rows = table(long=["text", "other"])
    found = recognise_text(profiles_of(rows), given={"text": "other"}, shape=None)
    assert found is not None
    assert found.columns == {"text": "other"}
    told = {decision.what: (decision.value, decision.why) for decision in found.why}
    assert told["text"] == ("column 'other'", "as given")
    assert told["not used"][0] == "'text'"


def test_columns_that_go_unread_are_named() -> None:
    rows: list[Row] = [{"id": i, "text": f"the {i}th story of a long road", "title": f"road {i}"} for i in range(30)]
    found = recognise_text(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert [str(one) for one in found.why if one.what == "not used"] == [
        "not used: 'id', 'title' (the task reads a text alone)"
    ]


def test_a_label_or_a_shape_is_none_of_text_to_write() -> None:
    rows = table(long=["text"], label=["good", "bad"])
    assert found_in(recognise_text, rows, label="label") is None
    assert found_in(recognise_text, rows, shape="prompt") is None
    assert found_in(recognise_text, table(number=[1, 2, 3])) is None
    with pytest.raises(ColumnError, match="no column 'txet'"):
        found_in(recognise_text, rows, text="txet")


# -- stories ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "columns", "confidence"),
    [
        (table(long=["story"]), {"story": "story"}, 0.92),
        (table(short=["writing_prompt"], long=["tale"]), {"prompt": "writing_prompt", "story": "tale"}, 0.95),
        (table(short=["theme"], long=["Poem"]), {"prompt": "theme", "story": "Poem"}, 0.95),
        (table(short=["prompt"], long=["text"]), {"prompt": "prompt", "story": "text"}, 0.55),
        (table(short=["title"], long=["text"]), {"prompt": "title", "story": "text"}, 0.15),
        (table(long=["text"]), {"story": "text"}, 0.15),
        (table(short=["long_prompt"], long=["story"]), {"story": "story"}, 0.92),
        (table(long=["story"], label=["crime", "love"]), {"story": "story"}, 0.5),
    ],
)
def test_a_story_is_surest_by_its_name_with_a_prompt_and_without_a_label(
    rows: list[Row], columns: dict[str, str], confidence: float
) -> None:
    assert found_in(recognise_writing, rows) == (columns, confidence)


def test_a_shape_says_whether_the_prompt_is_wanted() -> None:
    rows = table(short=["prompt"], long=["story"])
    assert found_in(recognise_writing, rows, shape="story") == ({"story": "story"}, 0.92)
    assert found_in(recognise_writing, rows, shape="prompt") == found_in(recognise_writing, rows)
    assert found_in(recognise_writing, table(long=["story"]), shape="prompt") is None
    assert found_in(recognise_writing, rows, shape="story", prompt="prompt") is None
    assert found_in(recognise_writing, rows, shape="single/one") is None


@pytest.mark.parametrize(
    ("given", "columns", "confidence"),
    [
        ({"text": "a", "label": "b"}, {"prompt": "a", "story": "b"}, 0.55),
        ({"text": "a"}, {"story": "a"}, 0.15),
        ({"label": "b"}, {"story": "b"}, 0.15),
        ({"story": "poem"}, {"story": "poem"}, 1.0),
        ({"prompt": "a", "story": "poem"}, {"prompt": "a", "story": "poem"}, 1.0),
        ({"prompt": "a"}, {"prompt": "a", "story": "poem"}, 0.95),
    ],
)
def test_named_columns_are_taken(given: dict[str, str], columns: dict[str, str], confidence: float) -> None:
    rows = table(short=["a"], long=["b", "poem"])
    assert found_in(recognise_writing, rows, **given) == (columns, confidence)


def test_two_texts_for_one_story_are_none() -> None:
    rows = table(short=["a"], long=["b", "poem"])
    assert found_in(recognise_writing, rows, story=["b", "poem"]) is None
    assert found_in(recognise_writing, rows, text=["a", "b"]) is None


def test_the_decisions_say_which_shape_was_found() -> None:
    found = recognise_writing(profiles_of(table(short=["title"], long=["poem"])), given={}, shape=None)
    assert found is not None
    told = {decision.what: decision.value for decision in found.why}
    assert told == {"prompt": "column 'title'", "story": "column 'poem'", "shape": "prompt"}
    assert found.shape == "prompt"


def test_what_the_columns_hold_instead_is_told() -> None:
    profiles = profiles_of(table(number=list(range(10)), split=["train", "test"]))
    assert recognise_text(profiles, given={}, shape=None) is recognise_writing(profiles, given={}, shape=None) is None
    for task in (TextGeneration(), CreativeWriting()):
        reason = task.why_not(profiles, {})
        assert "'number'" in reason and "'split'" in reason


@pytest.mark.parametrize(
    ("name", "cells", "texts"),
    [
        ("label", ["good", "bad"], False),
        ("anything", ["very good", "very bad"], False),
        ("label", [f"{LONG} {i}" for i in range(30)], True),
        ("name", [f"anna{i} b" for i in range(30)], True),
        ("text", ["yes", "no"], True),
    ],
)
def test_a_column_of_classes_is_no_text(name: str, cells: list[str], texts: bool) -> None:
    rows = [{name: cells[i % len(cells)]} for i in range(30)]
    assert (found_in(recognise_text, rows) is not None) is texts
    assert (found_in(recognise_writing, rows) is not None) is texts


@pytest.mark.parametrize(
    ("texts", "asked"),
    [
        (["Anna: Hi", "Ben: Hello"], "sed -E 's/^Anna:/User:/; s/^Ben:/Assistant:/'"),
        (["3.12.23, 21:41 - Anna: Hi", "3.12.23, 21:42 - Ben: Hello"], "*Anna:/User:/"),
        (["User: Hi\nAssistant: Hello", "The old violin"], "50.0 % of the texts in 'text' are conversations"),
        (["User: Hi Assistant: Hello User: So?", "Human: Hi Assistant: Hello"], "'User:' and 'Assistant:' in one line"),
        (["User: Hi Assistant", "So the assistant said"], ""),
        (["Anna: Hi", "The old violin"], ""),
    ],
)
def test_texts_that_may_be_conversations_are_asked_about(texts: list[str], asked: str) -> None:
    profiles = profiles_of([{"text": text} for text in texts * 5])
    found = recognise_text(profiles, given={}, shape=None)
    named = recognise_text(profiles, given={"text": "text"}, shape=None)
    assert found is not None
    assert named is not None
    assert (asked in found.unclear, bool(found.unclear), named.unclear) == (True, bool(asked), "")
