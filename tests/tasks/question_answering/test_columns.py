"""Columns of questions and answers: with places in a context, or texts of their own."""

from collections.abc import Callable
from typing import Any

import pytest

from luthier.data.columns.profile import Recognition
from luthier.errors import ColumnError
from luthier.tasks.generative_qa.task import GenerativeQA
from luthier.tasks.question_answering.columns import (
    likely_generative_qa,
    recognise_generative_qa,
    recognise_qa,
)
from luthier.tasks.question_answering.task import QuestionAnswering
from tests.tasks.by_hand import Row, profiles_of

LETTERS = "abcdefghij"
CONTEXT = "the violin was made in Cremona by a master of the craft"
PLACED = {"text": ["Cremona"], "answer_start": [23]}
NONE: Row = {"text": [], "answer_start": []}


def table(n: int = 10, **columns: Any) -> list[Row]:
    """Rows of columns: a text gets a word of the row's own, of a list each row has one item in turn."""

    def cell(value: Any, i: int) -> Any:
        return f"{value} {LETTERS[i % 10]}" if isinstance(value, str) else value[i % len(value)]

    return [{name: cell(value, i) for name, value in columns.items()} for i in range(n)]


def found_in(
    recognise: Callable[..., Recognition | None], rows: list[Row], *, shape: str | None = None, **given: Any
) -> tuple[str, dict[str, Any], float] | None:
    found = recognise(profiles_of(rows), given=given, shape=shape)
    return None if found is None else (found.shape, found.columns, found.confidence)


# -- pieces of a context ---------------------------------------------------------------------------------------------

ROLES = {"question": "question", "context": "context", "answers": "answers"}


def test_answers_that_hold_their_places_need_no_start() -> None:
    rows = table(question="who made it", context=CONTEXT, answers=[PLACED], answer_start=[4])
    assert found_in(recognise_qa, rows) == ("answerable", ROLES, 0.97)
    objects = table(question="who made it", context=CONTEXT, answers=[[{"text": "Cremona", "start": 23}]])
    assert found_in(recognise_qa, objects) == ("answerable", ROLES, 0.97)


@pytest.mark.parametrize(
    ("starts", "taken"),
    [
        ({"answer_start": [4, 9]}, "answer_start"),
        ({"answerStart": ["4", "9"]}, "answerStart"),
        ({"answer_offset": [[4], [9, 12]]}, "answer_offset"),
        ({"start": [9], "answer_start": [4]}, "answer_start"),
        ({"answer_start": [4.5]}, None),
        ({"answer_start": [None]}, None),
        ({}, None),
    ],
)
def test_the_start_of_an_answer_is_a_column_of_whole_numbers(starts: dict[str, Any], taken: str | None) -> None:
    rows = table(question="who made it", context=CONTEXT, answer="Cremona", **starts)
    found = found_in(recognise_qa, rows)
    assert found is not None
    assert found[1].get("start") == taken
    assert found[2] == (0.5 if taken is None else 0.97), "without a place it may be a text of its own"


def test_a_question_by_another_name_is_less_sure() -> None:
    rows = table(title="who made it", passage=CONTEXT, answers=[PLACED])
    assert found_in(recognise_qa, rows) == (
        *("answerable", {"question": "title", "context": "passage", "answers": "answers"}, 0.8),
    )


@pytest.mark.parametrize(
    ("answers", "shape", "share"),
    [
        ([PLACED], "answerable", None),
        ([PLACED, NONE], "unanswerable-too", "50.0 %"),
        ([PLACED, PLACED, None, PLACED], "unanswerable-too", "20.0 %"),
        ([{"text": "in Cremona", "answer_start": 4}], "answerable", "each has an answer"),
        ([PLACED, {"text": [""], "answer_start": [0]}], "unanswerable-too", "50.0 %"),
        (["ANSWERNOTFOUND", "CANNOTANSWER", "in Cremona", "ANSWERNOTFOUND"], "unanswerable-too", "50.0 %"),
    ],
)
def test_rows_without_an_answer_make_the_shape(answers: list[Any], shape: str, share: str | None) -> None:
    rows = table(question="who made it", context=CONTEXT, answers=answers, answer_start=[4])
    found = recognise_qa(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert found.shape == shape
    (line,) = [decision for decision in found.why if decision.what == "shape"]
    assert share is None or share in line.why


def test_rows_that_say_they_have_no_answer_make_the_shape() -> None:
    rows = table(question="who made it", context=CONTEXT, answers=[PLACED], is_impossible=[True, False])
    found = recognise_qa(profiles_of(rows), given={}, shape=None)
    assert found is not None and found.shape == "unanswerable-too"


def test_a_shape_that_was_asked_for_is_taken_and_that_of_another_task_is_not() -> None:
    rows = table(question="who made it", context=CONTEXT, answers=[PLACED])
    assert found_in(recognise_qa, rows, shape="unanswerable-too") == ("unanswerable-too", ROLES, 0.97)
    assert found_in(recognise_qa, rows, shape="context") is None
    assert found_in(recognise_generative_qa, rows, shape="answerable") is None


def test_named_columns_are_taken_and_all_of_them_are_certain() -> None:
    rows = table(asked="who made it", told=CONTEXT, said="in Cremona", at=[4], answer="no")
    given = {"question": "asked", "context": "told", "answers": "said", "start": "at"}
    assert found_in(recognise_qa, rows, **given) == ("answerable", given, 1.0)
    short = found_in(recognise_qa, rows, text=["asked", "told"], label="said")
    assert short == ("answerable", {"question": "asked", "context": "told", "answers": "said"}, 0.5)
    with pytest.raises(ColumnError, match="no column 'aksed'"):
        found_in(recognise_qa, rows, question="aksed")


def test_several_columns_for_one_role_are_none() -> None:
    rows = table(question="who made it", context=CONTEXT, answers=[PLACED], answer="Cremona")
    assert found_in(recognise_qa, rows, answers=["answers", "answer"]) is None
    assert found_in(recognise_generative_qa, rows, answers=["answers", "answer"]) is None


def test_without_a_context_there_is_no_piece_of_it() -> None:
    assert found_in(recognise_qa, table(question="who made it", answers=[PLACED])) is None


# -- texts of their own ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "shape", "confidence"),
    [
        ({"question": "who", "answer": "a master"}, "closed", 0.93),
        ({"question": "who", "answer": "a master", "context": CONTEXT}, "context", 0.93),
        ({"problem": "how many", "solution": [12, 40]}, "closed", 0.93),
        ({"question": "who", "answers": [["a master", "a man"]]}, "closed", 0.93),
        ({"question": "who", "response": "a master"}, "closed", 0.5),
        ({"title": "who", "answer": "a master"}, "closed", 0.5),
        ({"question": "who", "answers": [PLACED], "context": CONTEXT}, "context", 0.6),
        ({"question": "who", "answer": "a master", "context": CONTEXT, "answer_start": [4]}, "context", 0.6),
        ({"question": "who", "answer": "a master", "answer_start": [4]}, "closed", 0.93),
    ],
)
def test_answers_in_words_of_their_own_are_surest_where_they_have_no_places(
    columns: dict[str, Any], shape: str, confidence: float
) -> None:
    found = found_in(recognise_generative_qa, table(**columns))
    assert found is not None
    assert (found[0], found[2]) == (shape, confidence)


@pytest.mark.parametrize(("rows", "confidence"), [(60, 0.4), (40, 0.93)])
def test_few_answers_that_come_again_and_again_are_classes(rows: int, confidence: float) -> None:
    found = found_in(recognise_generative_qa, table(rows, question="is it", answer=["it is", "it is not", "may be"]))
    assert found is not None
    assert found[2] == confidence


def test_flags_are_no_answers_to_write() -> None:
    assert found_in(recognise_generative_qa, table(question="is it", answer=[0, 1])) is None


def test_a_shape_says_whether_the_context_is_read() -> None:
    rows = table(question="who made it", context=CONTEXT, answer="a master")
    assert found_in(recognise_generative_qa, rows, shape="closed") == (
        *("closed", {"question": "question", "answers": "answer"}, 0.93),
    )
    alone = table(question="who made it", answer="a master")
    assert found_in(recognise_generative_qa, alone, shape="context") is None


def test_a_named_question_and_answer_are_certain() -> None:
    rows = table(question="who made it", answer="a master", other="by hand")
    found = found_in(recognise_generative_qa, rows, question="question", answers="answer")
    assert found == ("closed", {"question": "question", "answers": "answer"}, 1.0)
    odd = found_in(recognise_generative_qa, rows, question="question", answers="other")
    assert odd == ("closed", {"question": "question", "answers": "other"}, 0.5)


# -- what is missing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "extractive", "generative"),
    [
        ({"note": "a string"}, "question or context or answer", "question or answer"),
        ({"question": "who", "note": "a string"}, "context or answer", "answer"),
        ({"question": "who", "answer": "a master"}, "context", "question or answer"),
        ({"answer": "a master", "passage": CONTEXT}, "question", "question"),
    ],
)
def test_what_no_column_looks_like_is_told(columns: dict[str, Any], extractive: str, generative: str) -> None:
    profiles = profiles_of(table(**columns))
    for task, missing in ((QuestionAnswering(), extractive), (GenerativeQA(), generative)):
        reason = task.why_not(profiles, {})
        assert f" a {missing}: " in reason
        assert all(repr(name) in reason for name in columns)


@pytest.mark.parametrize(
    ("beside", "asked"),
    [
        ({"accepted": [True, False]}, "'accepted'"),
        ({"score": [1, 4, 2.5]}, "'score'"),
        ({"topic": ["art", "wood"]}, ""),
    ],
)
def test_what_judges_the_answers_is_asked_about(beside: dict[str, list[Any]], asked: str) -> None:
    profiles = profiles_of(table(question="who made the violin", answer="a master of", **beside))
    found = recognise_generative_qa(profiles, given={}, shape=None)
    named = recognise_generative_qa(profiles, given={"text": "question", "label": "answer"}, shape=None)
    assert found is not None
    assert named is not None
    assert (asked in found.unclear, bool(found.unclear), named.unclear) == (True, bool(asked), "")
    assert likely_generative_qa(profiles) == ([{"question": "question", "answers": "answer"}] if asked else [])
