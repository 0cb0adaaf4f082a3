"""The code that answers a question says what it was made for, whatever is asked; `test_usage` runs it."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.tasks.question_answering.snippet import extraction_code


def assigned(code: str, target: str) -> object:
    """The value of the constant that is assigned to a name, or to several."""
    found = [
        node.value
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == target
    ]
    return ast.literal_eval(found[0])


@given(st.text(), st.text())
def test_any_question_and_context_are_quoted(question: str, context: str) -> None:
    code = extraction_code(question, context, "runs/one/model", 30, None)
    assert assigned(code, "(question, context)") == (question, context)


def test_both_parts_are_loaded_from_the_model() -> None:
    code = extraction_code("who?", "Anna.", 'runs/"one"', 30, None)
    calls = [ast.unparse(node) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert "AutoTokenizer.from_pretrained('runs/\"one\"')" in calls
    assert "AutoModelForQuestionAnswering.from_pretrained('runs/\"one\"')" in calls


@pytest.mark.parametrize("most", [1, 30])
def test_an_answer_has_at_most_so_many_tokens(most: int) -> None:
    assert f".tril({most - 1})" in extraction_code("who?", "Anna.", "model", most, None)


def test_no_answer_is_printed_only_where_there_may_be_none() -> None:
    always, perhaps = (extraction_code("who?", "Anna.", "model", 30, threshold) for threshold in (None, -1.25))
    assert always.endswith("\nprint(answer)")
    assert "> -1.25 else answer" in perhaps.splitlines()[-1]
    assert "> 0.0 else answer" in extraction_code("who?", "Anna.", "model", 30, 0.0), "0 is a threshold too"
