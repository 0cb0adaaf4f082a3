"""Predictions of a model on encoded rows, their scores with intervals, and the baselines beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets import Dataset
from torch import nn
from transformers import PreTrainedModel

from luthier.api.prepare import Prepared
from luthier.console import Console
from luthier.data.batches import IGNORED, Collate, IntArray, by_length
from luthier.data.encode import Encoded
from luthier.errors import DamagedError
from luthier.files import write_bytes
from luthier.metrics.base import AnyMetric
from luthier.metrics.bootstrap import Score, difference, scores
from luthier.metrics.custom import custom_metrics
from luthier.recipe import Recipe
from luthier.tasks.base import Answer, FloatArray, Task


@dataclass(frozen=True)
class Scored:
    """What came of scoring a model on the rows of one split.

    Args:
        split: `test` or `validation`.
        metrics: Name to score.
        baselines: Baseline to its metrics.
        differences: Baseline to the paired differences, model minus baseline.
        predictions: Columns of the predictions file.
    """

    split: str
    metric_for_best: str
    metrics: dict[str, Score]
    baselines: dict[str, dict[str, float | None]]
    differences: dict[str, dict[str, Score]]
    predictions: dict[str, list[Any]]

    def to_dict(self, task: str) -> dict[str, Any]:
        """The content of `metrics.json`."""
        return {
            "task": task,
            "split": self.split,
            "metric_for_best": self.metric_for_best,
            "metrics": {name: score.to_dict() | {"split": self.split} for name, score in self.metrics.items()},
            "baselines": self.baselines,
            "differences": {
                baseline: {name: score.to_dict() for name, score in found.items()}
                for baseline, found in self.differences.items()
            },
        }


def infer(
    model: nn.Module,
    rows: Sequence[Mapping[str, Any]],
    batches: Sequence[IntArray],
    collate: Collate,
    console: Console | None = None,
) -> FloatArray:
    """The model's logits for each row, in the order of the rows. The same rows and batches give the same bits.

    Args:
        model: In evaluation mode.
        rows: Features; `labels` are not shown to the model.
        batches: Which rows run together; every row in one of them.
        collate: Pads rows to a batch.
        console: Shown a bar.
    Returns:
        [n, c] in float64.
    """
    device = next(model.parameters()).device
    found: FloatArray | None = None
    with torch.inference_mode(), (console or Console()).progress("evaluate", len(rows)) as bar:
        for chosen in batches:
            batch = collate([rows[int(i)] for i in chosen])
            batch.pop("labels", None)
            logits = model(**{key: tensor.to(device) for key, tensor in batch.items()}).logits
            values = logits.float().cpu().numpy().astype(np.float64)
            if found is None:
                found = np.empty((len(rows), values.shape[1]))
            found[chosen] = values
            bar.advance(len(chosen))
    return np.empty((0, 1)) if found is None else found


def quick_metrics(
    task: Task, model: nn.Module, encoded: Encoded, gold: Sequence[Any], collate: Collate, recipe: Recipe
) -> dict[str, float]:
    """Loss and metrics without intervals, as they are wanted during training. What is not defined is left out."""
    batches = by_length(encoded.lengths, recipe.evaluation.eval_batch_size)
    logits = infer(model, encoded.rows, batches, collate)
    labels = torch.as_tensor(encoded.rows["labels"][:])
    loss = task.loss(recipe)(torch.as_tensor(logits), labels) / labels.ne(IGNORED).sum()
    predicted = [answer["prediction"] for answer in task.answers(logits)]
    values = {
        metric.name: float(metric.on(np.ones((1, metric.n)))[0])
        for metric in all_metrics(task, predicted, gold, recipe)
    }
    return {"loss": float(loss)} | {name: value for name, value in values.items() if not np.isnan(value)}


def score(
    task: Task, examples: Dataset, logits: FloatArray, recipe: Recipe, *, split: str, train: Dataset | None
) -> Scored:
    """Score logits on the examples of a split.

    Args:
        task: The task.
        examples: What was predicted on.
        logits: [n, c]
        recipe: Says which metrics and how many resamples.
        split: Name of the split.
        train: What the baselines learn from; None for no baselines.
    """
    answers, gold = task.answers(logits), task.gold(examples)
    predicted = [answer["prediction"] for answer in answers]
    resamples = recipe.evaluation.resamples
    own = all_metrics(task, predicted, gold, recipe)
    metrics = {metric.name: found for metric, found in zip(own, scores(own, resamples=resamples), strict=True)}
    baselines: dict[str, dict[str, float | None]] = {}
    differences: dict[str, dict[str, Score]] = {}
    if train is not None and recipe.evaluation.baselines and len(examples):
        plain = task.metrics(predicted, gold)
        for name, answers_of_baseline in task.baselines(train, examples).items():
            theirs = task.metrics(answers_of_baseline, gold)
            baselines[name] = {m.name: s.value for m, s in zip(theirs, scores(theirs, resamples=0), strict=True)}
            differences[name] = {
                a.name: difference(a, b, resamples=resamples) for a, b in zip(plain, theirs, strict=True)
            }
    best = recipe.evaluation.metric_for_best or task.metric_for_best
    return Scored(split, best, metrics, baselines, differences, _columns(task, examples, answers, gold))


def score_split(prepared: Prepared, model: PreTrainedModel, split: str, console: Console) -> Scored:
    """Score a model, in float32, on a split of prepared data: what `train` ends with and `evaluate` does again."""
    encoded = prepared.encoded[split]
    model.train(False)
    nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
    batches = by_length(encoded.lengths, prepared.recipe.evaluation.eval_batch_size)
    logits = infer(model, encoded.rows, batches, prepared.task.collator(prepared.tokenizer), console)
    nn.Module.to(model, "cpu")
    examples, train = prepared.splits[split], prepared.splits["train"]
    return score(prepared.task, examples, logits, prepared.recipe, split=split, train=train)


def all_metrics(task: Task, predicted: Sequence[Any], gold: Sequence[Any], recipe: Recipe) -> list[AnyMetric]:
    """The task's metrics and the user's own."""
    found = list(task.metrics(predicted, gold))
    for spec in recipe.evaluation.metrics:
        found += custom_metrics(spec, predicted, gold)
    return found


def write_predictions(path: Path, predictions: Mapping[str, list[Any]]) -> None:
    """Write the predictions file, whole or not at all."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(predictions)), sink)
    write_bytes(path, sink.getvalue().to_pybytes())


def read_predictions(path: Path) -> dict[str, list[Any]] | None:
    """The columns of a predictions file; None while there is none.

    Raises:
        DamagedError: It cannot be read.
    """
    if not path.exists():
        return None
    try:
        return pq.read_table(path).to_pydict()
    except (pa.ArrowException, OSError):
        hint = "take it from a copy, or delete it and go on without predictions"
        raise DamagedError("the predictions cannot be read: the file is damaged", where=str(path), hint=hint) from None


def _columns(task: Task, examples: Dataset, answers: Sequence[Answer], gold: Sequence[Any]) -> dict[str, list[Any]]:
    return {
        "source": list(examples["source"]),
        "row": list(examples["row"]),
        **task.inputs(examples),
        "gold": list(gold),
        **{key: [answer[key] for answer in answers] for key in ("prediction", "score", "scores")},
    }
