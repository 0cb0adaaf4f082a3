"""Answers in a context: exact, mended by rule and counted, or skipped; never moved otherwise."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.records import Fault
from luthier.tasks.question_answering.answers import MENDS, Answers, read_answer_texts, read_answers, read_context

CONTEXT = "The Panthers gave up just 308 points, and the Panthers led the league."
PLAIN = {"context": "context", "answers": "answers"}
FLAT = PLAIN | {"start": "start"}


def read(answers: Any, start: Any = None, context: str = CONTEXT, **more: Any) -> Answers | Fault:
    return read_answers(
        {"context": context, "answers": answers, "start": start, **more}, PLAIN if start is None else FLAT
    )


@pytest.mark.parametrize(
    ("answers", "start"),
    [
        ({"text": ["308"], "answer_start": [26]}, None),
        ({"text": "308", "answer_start": 26}, None),
        ([{"text": "308", "answer_start": 26}], None),
        ("{'text': array(['308'], dtype=object), 'answer_start': array([26])}", None),
        ('[{"text": "308", "answer_start": 26}]', None),
        ("308", "26"),
        ("308", 26.0),
        (308, 26),
        (["308"], [26]),
        ([{"value": "308", "start": 26}], None),
        ("308", "(26, 29)"),
        ("['308']", "[26]"),
    ],
)
def test_every_form(answers: Any, start: Any) -> None:
    assert read(answers, start) == Answers((("308", 26),))


@pytest.mark.parametrize(
    ("answers", "start", "more"),
    [
        ({"text": [], "answer_start": []}, None, {}),
        ([], None, {}),
        ("", "-1", {}),
        ("ANSWERNOTFOUND", "(70, 84)", {}),
        ({"text": [""], "answer_start": [0]}, None, {}),
        ("308", 26, {"is_impossible": True}),
        ("308", 26, {"is_impossible": "1"}),
        ("308", 26, {"is_impossible": 1.0}),
    ],
)
def test_no_answer(answers: Any, start: Any, more: dict[str, Any]) -> None:
    assert read(answers, start, **more) == Answers(())


@pytest.mark.parametrize(
    ("answers", "start", "found", "mend"),
    [
        ("308", 25, ("308", 26), "answer-shifted"),
        ("308", 29, ("308", 26), "answer-shifted"),
        ("308 ", 26, ("308", 26), ""),  # as it stands in the context
        ("308 \n", 26, ("308", 26), "answer-trimmed"),
        (" \n308", 24, ("308", 26), "answer-trimmed"),
        ("the panthers", 0, ("The Panthers", 0), "answer-respelled"),
        ("308  points", 26, ("308 points", 26), "answer-respelled"),
        ("308points ,", 27, ("308 points,", 26), "answer-respelled"),
        ("308 points", "-1", ("308 points", 26), "answer-located"),
    ],
)
def test_mends(answers: str, start: Any, found: tuple[str, int], mend: str) -> None:
    result = read(answers, start)
    assert isinstance(result, Answers)
    assert mend in {"", *MENDS}
    assert (result.spans, result.mends) == ((found if mend else (answers, 26),), (mend,) if mend else ())


@pytest.mark.parametrize(
    ("answers", "start", "words"),
    [
        ("308", 22, "'308' where the context has 'ust'"),
        ("309 points", 26, "'309 points' where the context has '308 points'"),
        ("Panthers", "", "2 times in the context"),
        ("Steelers", "", "nowhere in the context"),
        ("308", 5_000, "start 5,000, but the context has 70"),
    ],
)
def test_what_is_not_there(answers: str, start: Any, words: str) -> None:
    fault = read(answers, start)
    assert isinstance(fault, Fault)
    assert fault.reason == "answer-not-in-context"
    assert words in fault.detail


def test_of_several_answers_the_good_ones_stay() -> None:
    found = read({"text": ["308", "nothing like it", "league"], "answer_start": [26, 3, 62]})
    assert found == Answers((("308", 26), ("league", 63)), ("answer-shifted", "answer-dropped"))


def test_other_faults() -> None:
    cases = {
        "missing-label": read(None),
        "invalid-answer": read({"text": ["a", "b"], "answer_start": [1]}),
        "empty-text": read("308", 26, context=" "),
    }
    unknown = read([{"span": "308", "pos": 26}])
    assert isinstance(unknown, Fault) and unknown.reason == "invalid-answer", "an unknown key is not no answer"
    for reason, fault in cases.items():
        assert isinstance(fault, Fault)
        assert fault.reason == reason
    absent = read_answers({"answers": "308"}, PLAIN)
    assert isinstance(absent, Fault)
    assert absent.reason == "missing-text"


def test_the_marker_for_no_answer_is_no_part_of_the_context() -> None:
    assert read_context({"context": f"{CONTEXT} ANSWERNOTFOUND"}, PLAIN) == CONTEXT
    assert read_context({"context": "ANSWERNOTFOUND"}, PLAIN) == "ANSWERNOTFOUND"
    assert read_context({"context": CONTEXT}, PLAIN) == CONTEXT


@given(st.text(max_size=40), st.text(max_size=6), st.text(max_size=40), st.integers(-3, 3))
def test_whatever_is_found_is_exact(before: str, answer: str, after: str, shift: int) -> None:
    context = before + answer + after
    found = read(answer, len(before) + shift if len(before) + shift >= 0 else 0, context=context)
    if isinstance(found, Answers):
        assert all(context[start : start + len(text)] == text for text, start in found.spans)
    if answer.strip() and not shift:
        assert found == Answers(((answer, len(before)),))


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ("Paris", ["Paris"]),
        (["Paris", "paris", "Paris", ""], ["Paris", "paris"]),
        ({"text": ["Paris"], "answer_start": [3]}, ["Paris"]),
        ({"value": "Paris", "aliases": ["City of Light", "Paris"]}, ["Paris", "City of Light"]),
        ({"aliases": ["Paris"]}, ["Paris"]),
        ("['Paris', 'Lutetia']", ["Paris", "Lutetia"]),
        (42, ["42"]),
        ("", []),
        ("CANNOTANSWER", []),
        ({"text": [], "answer_start": []}, []),
    ],
)
def test_answers_as_texts(cell: Any, texts: list[str]) -> None:
    assert read_answer_texts({"answers": cell}, PLAIN) == texts


def test_answers_that_are_not_there() -> None:
    assert read_answer_texts({"answers": None}, PLAIN) == Fault("missing-label", "column 'answers' is empty")
