"""Score answers: metrics with confidence intervals, and baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from torch import nn
from transformers import PreTrainedModel

from luthier.console import Console
from luthier.data.tokenized import Examples
from luthier.errors import ModelError
from luthier.metrics.base import AnyMetric
from luthier.metrics.bootstrap import Score, difference, scores
from luthier.metrics.custom import custom_metrics
from luthier.metrics.limits import Limits, limits_of
from luthier.models.device import choose_device
from luthier.pipeline.inference.embed import embed
from luthier.pipeline.inference.infer import Asked, answer, asked_of, evenly
from luthier.pipeline.inference.outputs import RawOutputs
from luthier.pipeline.preparation.prepare import Prepared, ranking_metric
from luthier.pipeline.training.assemble import fresh_model
from luthier.recipe import Recipe
from luthier.tasks.phases import Answer, Bound, Fitted

PROBED = 5_000  # training rows that the linear model on frozen features learns from


@dataclass(frozen=True)
class Scored:
    """The scores of a model on the rows of one split.

    Args:
        split: `test` or `validation`.
        metrics: Name to score.
        directions: Metric to whether a higher value is better; None if not stated.
        limits: Metric to the lowest and highest value that it can take.
        baselines: Baseline to its metrics.
        differences: Baseline to the paired differences, model minus baseline.
        predictions: Columns of the predictions file.
        signatures: Metric to how it is computed, for metrics whose name does not say.
        all_rows: Metric to its score on all rows of the split, including those whose text is also in training; empty
            if there are none of these.
    """

    split: str
    metric_for_best: str
    metrics: dict[str, Score]
    directions: dict[str, bool | None]
    limits: dict[str, Limits]
    baselines: dict[str, dict[str, float | None]]
    differences: dict[str, dict[str, Score]]
    predictions: dict[str, list[Any]]
    signatures: dict[str, str]
    all_rows: dict[str, Score] = field(default_factory=dict)

    def to_dict(self, task: str) -> dict[str, Any]:
        """The content of `metrics.json`."""
        return {
            "task": task,
            "split": self.split,
            "metric_for_best": self.metric_for_best,
            "metrics": {
                name: score.to_dict()
                | {"split": self.split, "greater_is_better": self.directions[name], "limits": list(self.limits[name])}
                | ({"signature": self.signatures[name]} if name in self.signatures else {})
                for name, score in self.metrics.items()
            },
            "baselines": self.baselines,
            "differences": {
                baseline: {name: score.to_dict() for name, score in found.items()}
                for baseline, found in self.differences.items()
            },
        } | ({"all_rows": {name: score.to_dict() for name, score in self.all_rows.items()}} if self.all_rows else {})


class Quick(NamedTuple):
    """An evaluation during training.

    Args:
        values: The loss and the metrics, without intervals; undefined ones are omitted.
        answers: The answers.
        metrics: The metrics, which can be resampled.
    """

    values: dict[str, float]
    answers: list[Answer]
    metrics: list[AnyMetric]


def quick_metrics(prepared: Prepared, model: PreTrainedModel, split: str) -> Quick:
    """Evaluate a model on a split during training."""
    task, recipe = prepared.task, prepared.recipe
    asked = _asked(prepared, split)
    raw = RawOutputs.wanted(recipe, asked.rows)
    generated = None if prepared.ranked_by_answers else recipe.evaluation.samples
    answers, loss = answer(task, model, asked, recipe, generated=generated, raw=raw)
    metrics = all_metrics(task, answers, asked.examples, recipe, raw)
    values = {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in metrics if metric.n}
    found = {} if loss is None else {"loss": loss}
    found |= {name: value for name, value in values.items() if not np.isnan(value)}
    return Quick(found, answers, metrics)


def score(
    task: Fitted[Any],
    answers: Sequence[Answer],
    examples: Examples,
    recipe: Recipe,
    *,
    split: str,
    baselines: Mapping[str, Sequence[Answer]],
    raw: RawOutputs | None = None,
) -> Scored:
    """Score the answers of a model to the examples of a split, and those of each baseline."""
    resamples = recipe.evaluation.resamples
    own = {metric.name: metric for metric in all_metrics(task, answers, examples, recipe, raw)}
    found: dict[str, dict[str, float | None]] = {}
    differences: dict[str, dict[str, Score]] = {}
    for name, said in baselines.items():
        theirs = {metric.name: metric for metric in task.metrics(_where_answered(said, answers), examples)}
        found[name] = {key: score.value for key, score in _scores(theirs, resamples=0).items()}
        differences[name] = {
            key: difference(own[key], metric, resamples=resamples)
            for key, metric in theirs.items()
            if key in own and own[key].n == metric.n
        }
    best = ranking_metric(recipe, task)
    directions = {name: metric.greater_is_better for name, metric in own.items()}
    if best in own and directions[best] is None:
        directions[best] = recipe.evaluation.greater_is_better
    predictions = _columns(task, examples, answers)
    signatures = task.signatures(examples)
    values = _scores(own, resamples=resamples)
    limits = {name: limits_of(metric) for name, metric in own.items()}
    return Scored(split, best, values, directions, limits, found, differences, predictions, signatures)


def score_split(prepared: Prepared, model: PreTrainedModel, split: str, console: Console) -> tuple[Bound[Any], Scored]:
    """Score a model, in float32, on a split of prepared data, as `train` does at the end and `evaluate` again.

    Returns:
        The task, with the settings chosen on the validation rows, and the score.
    """
    task, recipe = prepared.task, prepared.recipe
    if "validation" in prepared.splits:
        held_out = _asked(prepared, "validation")
        task = task.tuned(lambda: (_said(prepared, task, model, held_out, console), held_out.examples), console)
    else:
        task = task.tuned(None, console)
    asked = _asked(prepared, split)
    raw = RawOutputs.wanted(recipe, asked.rows)
    answers = _said(prepared, task, model, asked, console, raw)
    baselines: dict[str, Sequence[Answer]] = {}
    if recipe.evaluation.baselines and asked.size:
        baselines |= task.baselines(prepared.splits["train"][:], asked.examples)
        if recipe.model.name is not None:
            baselines |= task.untuned(lambda: _untuned(prepared, task, asked, console))
            baselines |= _probe(prepared, task, asked, console)
    scored = score(task, answers, asked.examples, recipe, split=split, baselines=baselines, raw=raw)
    if split in prepared.seen:
        scored = replace(scored, all_rows=_on_all_rows(prepared, task, model, split, asked, answers, console))
    return task, scored


def _on_all_rows(
    prepared: Prepared,
    task: Bound[Any],
    model: PreTrainedModel,
    split: str,
    asked: Asked,
    answers: Sequence[Answer],
    console: Console,
) -> dict[str, Score]:
    """The task's metrics on the rows of a split together with those whose text is also in training."""
    rows = prepared.seen[split][:]
    seen = asked_of(rows, task.encode(rows, training=False))
    together = {name: [*column, *seen.examples[name]] for name, column in asked.examples.items()}
    metrics = task.metrics([*answers, *_said(prepared, task, model, seen, console)], together)
    return _scores({metric.name: metric for metric in metrics}, resamples=prepared.recipe.evaluation.resamples)


def _asked(prepared: Prepared, split: str) -> Asked:
    return Asked.of(prepared.splits[split][:], prepared.encoded[split])


def _said(
    prepared: Prepared,
    task: Bound[Any],
    model: PreTrainedModel,
    asked: Asked,
    console: Console,
    raw: RawOutputs | None = None,
) -> list[Answer]:
    model.train(False)
    nn.Module.to(model, choose_device(prepared.recipe.device))
    generated = prepared.recipe.evaluation.generated_rows
    answers, _ = answer(task, model, asked, prepared.recipe, generated=generated, console=console, raw=raw)
    nn.Module.to(model, "cpu")
    return answers


def _untuned(prepared: Prepared, task: Bound[Any], asked: Asked, console: Console) -> list[Answer]:
    console.say("for comparison: the model before fine-tuning")
    return _said(prepared, task, fresh_model(prepared), asked, console)


def _probe(prepared: Prepared, task: Bound[Any], asked: Asked, console: Console) -> dict[str, Sequence[Answer]]:
    """The answers of a linear model on frozen features; none, with a warning, of a model that gives no features."""
    train = prepared.splits["train"]
    some = train.select(evenly(len(train), PROBED))[:]
    try:
        return task.probe(partial(embed, prepared, console=console), some, asked.examples)
    except ModelError as error:
        console.warn(f"no linear model on frozen features to compare with: {error.what}")
        return {}


def all_metrics(
    task: Fitted[Any], answers: Sequence[Answer], examples: Examples, recipe: Recipe, raw: RawOutputs | None = None
) -> list[AnyMetric]:
    """The task's metrics, and the user's custom metrics on the answered examples or their raw outputs."""
    found = list(task.metrics(answers, examples))
    if recipe.evaluation.metrics:
        gold = task.gold(examples)
        pairs = [(a["prediction"], g) for a, g in zip(answers, gold, strict=True) if a.get("prediction") is not None]
        said, right = [prediction for prediction, _ in pairs], [right for _, right in pairs]
        for spec in recipe.evaluation.metrics if pairs else ():
            taken = {"loss", *(metric.name for metric in found)}
            found += custom_metrics(spec, said, right, outputs=raw, taken=taken)
    return found


def _where_answered(said: Sequence[Answer], answers: Sequence[Answer]) -> list[Answer]:
    """A baseline's answers, without those to examples for which the model generated none."""
    pairs = zip(said, answers, strict=True)
    return [one | {"prediction": None} if other.get("prediction") is None else one for one, other in pairs]


def _scores(metrics: Mapping[str, AnyMetric], *, resamples: int) -> dict[str, Score]:
    """Each metric's score, in the order given; those on the same number of examples share their resamples."""
    found: dict[str, Score] = {}
    for _, group in groupby(sorted(metrics.values(), key=lambda metric: metric.n), key=lambda metric: metric.n):
        together = list(group)
        found |= {m.name: s for m, s in zip(together, scores(together, resamples=resamples), strict=True)}
    return {name: found[name] for name in metrics}


def _columns(task: Fitted[Any], examples: Examples, answers: Sequence[Answer]) -> dict[str, list[Any]]:
    keys = list(dict.fromkeys(key for answer in answers for key in answer))
    return {
        "source": list(examples["source"]),
        "row": list(examples["row"]),
        **task.inputs(examples),
        "gold": list(task.gold(examples)),
        **{key: [answer.get(key) for answer in answers] for key in keys},
    }
