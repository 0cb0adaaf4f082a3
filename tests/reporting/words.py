"""Pages of a run with the words of its task, as the steps of a run hand them to the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from luthier.reporting import card, content, page
from luthier.reporting.panels import Panel
from luthier.reporting.task_words import TaskWords
from luthier.run_directory.run import Run
from luthier.tasks.phases import Fitted
from luthier.tasks.registry import find


def task_of(name: str, shape: str = "") -> Fitted[Any]:
    """A task that has learned nothing, on columns that are called as their roles."""
    kind = find(name)
    shape = shape or next(iter(kind.shapes), "")
    columns: dict[str, str | list[str]] = {
        role.name: role.name for role in kind.roles if role.needed or role.name == shape
    }
    if shape in ("tokens", "spans"):
        columns |= {"tokens": "tokens", "text": "text"}
    return Fitted(kind, shape, columns, {}, kind.learned_type(shape)())


def words_of(run: Run) -> TaskWords:
    data, metrics = run.read_json(run.data_file) or {}, run.read_json(run.metrics_file) or {}
    told = [str(found["task"]) for found in (data, metrics) if found.get("task")] or [str(run.recipe.task)]
    name = next((name for name in told if name != "text-classification"), told[0])  # a test changes one of them
    shape = str(data.get("shape") or "") if data.get("task") == name else ""
    return task_of(name, shape).words(run.path)


def write_report(run: Run, panels: Sequence[Panel] = ()) -> Path:
    return page.write_report(run, words_of(run), panels)


def model_card(run: Run) -> str:
    return card.model_card(run, words_of(run))


def read_content(run: Run) -> content.Content:
    return content.Content.read(run, words_of(run))
