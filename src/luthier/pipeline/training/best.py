"""The weights that become the model: those of the best checkpoint, or an average that is better on validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from luthier.console import Console
from luthier.engines import checkpoints
from luthier.engines.averages import EMA, Ema, evaluated
from luthier.engines.base import Training
from luthier.engines.ranking import Evaluated
from luthier.engines.soup import Weights, greedy_soup
from luthier.errors import DamagedError
from luthier.models.device import choose_device
from luthier.models.learned import learned, load_learned
from luthier.pipeline.inference.score import quick_metrics
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import fresh_model
from luthier.reporting.averaging import AVERAGE, CHECKPOINT, in_words
from luthier.run_directory.run import Run

Scores = dict[str, tuple[list[int], Evaluated]]  # the kind of weights to the steps that they are of, and their score


@dataclass(frozen=True)
class Best:
    """The model of a run.

    Args:
        model: Newly built, without wrappers, in evaluation mode.
        step: The step of its weights, or of the best of several that were averaged; None without an evaluation.
        averaging: Which weights were chosen, by which scores, as `luthier.reporting.averaging` reads it; None if the
            recipe averages no weights.
    """

    model: PreTrainedModel
    step: int | None
    averaging: dict[str, Any] | None = None


def best_model(run: Run, prepared: Prepared, training: Training, console: Console) -> Best:
    """The model of the best step, or of the last one if there is no best.

    If the recipe averages weights, the best of the averages and the raw weights becomes the model, by the metric that
    selects the best checkpoint; ties go to the raw weights. Without evaluations, the EMA becomes the model.
    """
    model, state, recipe = fresh_model(prepared).eval(), training.state, training.recipe
    if recipe.average_best is not None and state.ranked:
        console.say("averaging the best checkpoints and evaluating the averages")
        chosen, scores = _put_best_average(run, prepared, training, model)
    else:
        chosen, scores = _put_best(run, prepared, training, model)
    step = scores[chosen][0][0] if chosen in scores else None
    if recipe.average_best is None and training.ema is None:
        return Best(model, step)
    found = {
        "chosen": chosen,
        "metric": prepared.metric_for_best,
        "scores": {
            name: {"steps": steps, "value": score.value if score.defined else None}
            for name, (steps, score) in scores.items()
        },
        **({} if recipe.average_best is None else {"considered": [one.step for one in state.ranked]}),
    }
    console.say(in_words(found))
    return Best(model, step, found)


def _put_best(run: Run, prepared: Prepared, training: Training, model: PreTrainedModel) -> tuple[str, Scores]:
    """Put the weights that were best during the training into the model, raw or EMA; return which."""
    state = training.state
    recorded = {CHECKPOINT: state.best, EMA: state.ema_best}
    scores = {name: ([one.step], one) for name, one in recorded.items() if one is not None}
    chosen = _best_of(scores, prepared) or (EMA if training.ema is not None and not scores else CHECKPOINT)
    if scores and scores[chosen][1].step != state.step:  # the training has those of the last step
        _load(run, training, scores[chosen][1].step)
    with evaluated(training.optimizer, training.ema if chosen == EMA else None):
        _copy(training, model)
    return chosen, scores


def _put_best_average(run: Run, prepared: Prepared, training: Training, model: PreTrainedModel) -> tuple[str, Scores]:
    """Average the best checkpoints, and put the best weights into the model: those of one, the average, or the EMA.

    All are evaluated here, so that they are compared in the same precision, also after a resume.
    """
    state, device = training.state, choose_device(prepared.recipe.device)

    def weights(step: int, ema: Ema | None = None) -> Weights:
        _load(run, training, step)
        with evaluated(training.optimizer, ema):
            return [one.detach().clone() for one in training.model.parameters() if one.requires_grad]

    def put(found: Weights) -> None:
        own = [one for one in training.model.parameters() if one.requires_grad]
        with torch.no_grad():
            for old, new in zip(own, found, strict=True):
                old.copy_(new)
        _copy(training, model)

    def score(found: Weights, step: int) -> Evaluated:
        put(found)
        nn.Module.to(model, device)
        metrics = quick_metrics(prepared, model, "validation").values
        nn.Module.to(model, "cpu")
        return Evaluated.of(step, metrics, prepared.metric_for_best)

    steps = [one.step for one in state.ranked]
    soup = greedy_soup(steps, weights, score, greater=prepared.greater_is_better)
    scores: Scores = {CHECKPOINT: (steps[:1], soup.alone)}
    if state.ema_best is not None:
        step = state.ema_best.step
        scores[EMA] = [step], score(weights(step, training.ema), step)
    if len(soup.steps) > 1:
        scores[AVERAGE] = soup.steps, soup.score
    chosen = _best_of(scores, prepared) or CHECKPOINT
    best = soup.weights if chosen == AVERAGE else weights(scores[chosen][0][0], training.ema if chosen == EMA else None)
    put(best)
    return chosen, scores


def _best_of(scores: Mapping[str, tuple[list[int], Evaluated]], prepared: Prepared) -> str | None:
    """The kind of weights with the best metric, the first of equals: the raw ones; None if no metric is defined."""
    best: str | None = None
    for name, (_, score) in scores.items():
        if score.gains(None if best is None else scores[best][1], greater=prepared.greater_is_better):
            best = name
    return best


def _copy(training: Training, model: PreTrainedModel) -> None:
    """Give the trained weights, as they are now, to a newly built model."""
    load_learned(model, learned(training.model))


def _load(run: Run, training: Training, step: int) -> None:
    """Load the checkpoint of a step into the training.

    Raises:
        DamagedError: It is missing, or its files do not match their checksums.
    """
    checkpoint = next((one for one in checkpoints.list_checkpoints(run.checkpoints) if one.step == step), None)
    if checkpoint is None:
        raise DamagedError(f"the checkpoint of step {step} is missing", where=str(run.checkpoints))
    checkpoints.load_weights(training, checkpoint)
