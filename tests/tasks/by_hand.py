"""A task taken apart: what each of its steps gives, run one by one; and runs that take a second."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from luthier.api import one_run
from luthier.api import train as api
from luthier.data.batches import by_length
from luthier.data.columns.profile import ColumnProfile, profile
from luthier.data.records import Record, Skipped
from luthier.data.tokenized import Examples, Limits
from luthier.engines.objective import Objective
from luthier.pipeline.inference.infer import asked_of, infer
from luthier.pipeline.inference.predictor import Predictor
from luthier.recipe import Recipe
from luthier.recipe.tables import put
from luthier.tasks.base import Task
from luthier.tasks.phases import Answer, Bound, Fitted, Recognised
from luthier.tasks.registry import find, restore, shapes_using
from tests.conftest import PLAIN
from tests.faults.runs import quick_report

Row = Mapping[str, Any]
Features = dict[str, Any]
# One second on a core: what a test is not about is left out.
QUICK_HEAD = {"training.fit_head": PLAIN["training.fit_head"]}
QUICK_BATCHES = {"training.batch_size": PLAIN["training.batch_size"]}  # tasks that generate texts have their own
QUICK: dict[str, Any] = {
    **{key: value for key, value in PLAIN.items() if key not in QUICK_HEAD | QUICK_BATCHES},
    "training.precision": "fp32",
    "training.epochs": 2,
    "training.learning_rate": 3e-3,
    "training.eval_on_start": False,
    "model.dropout": 0.0,
    "evaluation.resamples": 100,
    "evaluation.baselines": False,
}
QUICK_TEXTS: dict[str, Any] = {
    "evaluation.samples": 2,
    "evaluation.generated_rows": 3,
    "generation.max_new_tokens": 6,
    "generation.do_sample": False,
}


def quick(task: str) -> dict[str, Any]:
    """The quick settings that a task uses."""
    kind = find(task)
    some = {key: value for key, value in (QUICK_HEAD | QUICK_TEXTS).items() if shapes_using(kind, key)}
    return QUICK | some | (QUICK_BATCHES if kind.family == "encoder" else {})


def recipe_of(**settings: Any) -> Recipe:
    """A recipe; `training__epochs=1` sets `training.epochs`."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        put(values, key.replace("__", "."), value)
    return Recipe.build(values)


def records(rows: Sequence[Row]) -> list[Record]:
    return [Record("rows.jsonl", i, dict(row)) for i, row in enumerate(rows, start=1)]


def profiles_of(rows: Sequence[Row]) -> dict[str, ColumnProfile]:
    """The columns of a table, as the tasks see them."""
    return profile(records(rows))


def recognised(kind: type[Task[Any]], rows: Sequence[Row], *, shape: str | None = None) -> Recognised[Any]:
    """The task on rows, its columns found as `train` finds them."""
    task, profiles = kind(), profiles_of(rows)
    found = task.recognise(profiles, {}, shape)
    assert found is not None, task.why_not(profiles, {})
    return Recognised(task, found.shape, found.columns, task.details(found.shape, found.columns, profiles))


def learned(
    kind: type[Task[Any]], rows: Sequence[Row], *, shape: str | None = None, **settings: Any
) -> tuple[Fitted[Any], dict[str, list[Any]]]:
    """The task after it has seen the rows, and the columns of their examples."""
    task = recognised(kind, rows, shape=shape)
    examples = [task.example(record) for record in records(rows)]
    assert not [example for example in examples if isinstance(example, Skipped)]
    table = Dataset.from_list(examples)
    return task.fit(table, recipe_of(**settings).with_defaults(kind.defaults)), table[:]


def bound(task: Fitted[Any], tokenizer: PreTrainedTokenizerBase, limits: Limits | None = None) -> Bound[Any]:
    """The task with a tokenizer, of a model that nothing is known of unless it was bound before."""
    if isinstance(task, Bound) and task.tokenizer is tokenizer:
        return task.within(limits)
    return task.bind(tokenizer, PretrainedConfig())[0].within(limits)


def predicting(task: Fitted[Any], model: Any, tokenizer: PreTrainedTokenizerBase, limits: Limits) -> Predictor:
    """The task ready to answer."""
    return Predictor(bound(task, tokenizer, limits), model)


def prompts(
    task: Fitted[Any], examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits
) -> list[list[int]]:
    """What the model is given for each example."""
    ready = bound(task, tokenizer, limits)
    kind: Any = ready.kind  # one of those that write
    found: list[list[int]] = kind.prompts(ready, examples)
    return found


def came_back(task: Fitted[Any]) -> Fitted[Any]:
    """The task from what it wrote down."""
    back = restore(json.loads(json.dumps(task.to_dict())))
    assert back.to_dict() == task.to_dict()
    assert type(back.kind) is type(task.kind)
    return back


def skip_reason(task: Recognised[Any], row: Row) -> str:
    """The reason why a row is skipped."""
    found = task.example(Record("rows.jsonl", 7, dict(row)))
    assert isinstance(found, Skipped)
    assert (found.source, found.row) == ("rows.jsonl", 7)
    return found.reason


def by_row(features: Mapping[str, Sequence[Any]]) -> list[Features]:
    """Features as rows, each with all of its columns."""
    return [{key: column[i] for key, column in features.items()} for i in range(len(features["input_ids"]))]


def encoded(
    task: Fitted[Any],
    examples: Examples,
    tokenizer: PreTrainedTokenizerBase,
    limits: Limits | None = None,
    *,
    training: bool = False,
) -> list[Features]:
    return by_row(bound(task, tokenizer, limits).encode(examples, training=training))


def answers(
    task: Fitted[Any], model: Any, tokenizer: PreTrainedTokenizerBase, examples: Examples, limits: Limits
) -> list[Answer]:
    """What a task makes of a model's outputs on examples."""
    ready = bound(task, tokenizer, limits)
    held = asked_of(examples, ready.encode(examples, training=False))
    batches = by_length(held.lengths, tokens=2048)
    collected, _ = infer(ready, model, held, batches, ready.collator(model), Objective())
    return ready.answers(examples, held.rows, collected)


def values_of(task: Fitted[Any], said: Sequence[Answer], examples: Examples) -> dict[str, float]:
    """The task's metrics by name."""
    return {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in task.metrics(said, examples)}


class Oracle(nn.Module):
    """A model whose outputs are a function of the token ids alone.

    Args:
        outputs: Of ids [b, s], what the model of the task gives back.
    """

    def __init__(self, outputs: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.outputs = outputs
        self.place = nn.Parameter(torch.zeros(1))  # tells on which device it is

    def forward(self, input_ids: Tensor, **others: Tensor) -> Any:
        return self.outputs(input_ids)


@contextmanager
def quickly(folder: Path) -> Iterator[None]:
    """Reports have tests of their own; what is encoded here is of no use to anybody else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_run, "report", quick_report)
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "datasets")
        yield


def write(file: Path, rows: Sequence[Row]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def run(
    folder: Path, model: Path, rows: Sequence[Row], *, name: str = "run", texts: bool = True, **settings: Any
) -> Path:
    """A finished run on rows, of a task that generates texts or not."""
    data = write(folder / f"{name}.jsonl", rows)
    overrides = QUICK | (QUICK_TEXTS if texts else QUICK_BATCHES) | {"model.name": str(model)}
    overrides |= {key.replace("__", "."): v for key, v in settings.items()}
    with quickly(folder):
        return api.train(data, run_dir=folder / name, **overrides).run.path
