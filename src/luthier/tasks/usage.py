"""Example code for a trained model in reports, model cards and the terminal, with plain transformers and luthier."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.reporting.task_words import Snippet, TaskWords
from luthier.text import typed

if TYPE_CHECKING:
    from luthier.tasks.base import Task
    from luthier.tasks.phases import Fitted


def words(kind: "Task[Any]", task: "Fitted[Any]", run: Path) -> TaskWords:
    """The task's wording, with example code for the model of a run.

    Args:
        kind: The task.
        task: The fitted task.
        run: The run directory, as a user would type it.
    """
    place, row = run.as_posix(), kind.trial(task)
    call = f"import luthier\n\nmodel = luthier.load({string(place)})\nprint(model.predict([{literal(row)}]))"
    snippets = [
        Snippet("With plain transformers", "python", kind.transformers_code(task, f"{place}/model")),
        Snippet("With Luthier, from Python", "python", call),
        Snippet("With Luthier, from a terminal", "shell", predict_command(row, run)),
    ]
    return replace(kind.page_words(), snippets=snippets, next_command=predict_command(row, run))


def predict_command(row: Mapping[str, Any], run: Path) -> str:
    """The command that predicts a row: texts as arguments, anything else as JSON."""
    place, texts = typed(run), list(row.values())
    if len(texts) > 2 or not all(isinstance(text, str) for text in texts):
        return f"luthier predict {place} --row {shlex.quote(json.dumps(dict(row), ensure_ascii=False))}"
    first, *second = texts
    return " ".join(["luthier predict", place, shlex.quote(first), *(f"--pair {shlex.quote(text)}" for text in second)])


def literal(row: Mapping[str, Any]) -> str:
    """A row as a Python literal: a text, a pair of texts, or a dictionary."""
    texts = list(row.values())
    if len(texts) > 2 or not all(isinstance(text, str) for text in texts):
        return json.dumps(dict(row), ensure_ascii=False)
    first, *second = map(string, texts)
    return f"({first}, {second[0]})" if second else first


def pipeline_code(tag: str, model: str, options: str, arguments: str) -> str:
    """Code that calls a transformers pipeline."""
    return (
        "from transformers import pipeline\n\n"
        f'model = pipeline("{tag}", model={string(model)}{options})\n'
        f"print(model({arguments}))"
    )


def load_code(auto_class: str, model: str) -> str:
    """Code that loads a model and its tokenizer."""
    return (
        f"from transformers import AutoModelFor{auto_class}, AutoTokenizer\n\n"
        f"tokenizer = AutoTokenizer.from_pretrained({string(model)})\n"
        f"model = AutoModelFor{auto_class}.from_pretrained({string(model)})"
    )


def string(value: str) -> str:
    """A Python string literal in double quotes."""
    return json.dumps(value, ensure_ascii=False)
