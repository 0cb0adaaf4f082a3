"""What tasks tell the report about themselves: code to copy, what to type next, a tag for the Hub."""

import ast
from pathlib import Path

import pytest

from luthier.tasks.registry import find
from tests.reporting.words import task_of


@pytest.mark.parametrize(
    "task",
    ["text-classification", "token-classification", "question-answering", "text-generation", "chat", "creative-writing",
     "summarization", "translation", "generative-qa"],
)  # fmt: skip
@pytest.mark.parametrize("shape", ["single/one", "pair/several", "single/number", ""])
def test_code_to_copy_is_code(task: str, shape: str, tmp_path: Path) -> None:
    if shape and shape not in find(task).shapes:
        shape = ""
    found = task_of(task, shape).words(tmp_path / 'odd "name"').snippets
    for snippet in found:
        if snippet.language == "python":
            ast.parse(snippet.code)
    assert found[-1].code.startswith("luthier predict '")
    assert task_of(task, shape).words(tmp_path).hub_tag


def test_what_comes_next_fits_the_task(tmp_path: Path) -> None:
    assert task_of("chat").words(tmp_path).next_command == f"luthier chat {tmp_path}"
    assert (
        task_of("text-classification", "single/one").words(tmp_path).next_command
        == f"luthier predict {tmp_path} 'one text'"
    )
    question = f"luthier predict {tmp_path} 'Who wrote the letter?' --pair 'Anna wrote the letter on Monday.'"
    assert task_of("question-answering", "answerable").words(tmp_path).next_command == question


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("pair/one", "text_pair"),
        ("single/several", 'function_to_apply="sigmoid"'),
        ("single/number", 'function_to_apply="none"'),
    ],
)
def test_code_follows_the_shape_of_the_rows(shape: str, words: str) -> None:
    task = task_of("text-classification", shape)
    assert words in task.kind.transformers_code(task, "m")
