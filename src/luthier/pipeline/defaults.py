"""Training settings that follow from the data and from the size of a pretrained model.

Their figures were chosen with `bench.quality`; what was tried, and what it gave, is in bench/LOG.md.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from transformers import PretrainedConfig

from luthier.engines.ranking import ANY
from luthier.findings import Decision
from luthier.learning_curves.facts import disagreement
from luthier.models.adapters.add import RATES as ADAPTER_RATES
from luthier.models.scratch import RATES as SCRATCH_RATES
from luthier.models.scratch import parameters_of
from luthier.plugins import OURS
from luthier.recipe import Recipe
from luthier.tasks.base import Task
from luthier.text import count, plural, quantity, share

FEW_ROWS, MANY_ROWS = 1_000, 20_000
BATCHES = 8, 16, 32  # for few rows, for more, and for many
EPOCHS, MOST_EPOCHS = 3, 20
# A new head needs a number of steps, however few rows there are (Mosbach et al. 2021, arXiv:2006.04884; Zhang et al.
# 2021, arXiv:2006.05987); with very many rows, the first pass teaches most of it.
LEAST_STEPS, ENOUGH_STEPS = 200, 20_000
BERT_BASE, RATE = 110e6, 5e-5  # parameters, and the largest rate of Devlin et al. 2019 for models of this size
RATES = 1e-5, 2e-4  # the lowest and the highest
WARMUP = 0.1
PATIENCE = 5  # evaluations, half of them
TELLING = 50  # validation rows; fewer choose at random


@dataclass(frozen=True)
class Basis:
    """What the settings depend on.

    Args:
        kind: The task.
        rows: Training rows, or windows of them.
        mean_length: Their mean length in tokens.
        validation: Validation rows.
        metric: Selects the best checkpoint.
        config: Configuration of the model.
        one_label: Whether all validation rows have the same label: a model that always predicts it would rank first.
    """

    kind: Task[Any]
    rows: int
    mean_length: float
    validation: int
    metric: str
    config: PretrainedConfig
    one_label: bool = False

    @property
    def tells(self) -> bool:
        """Whether the validation rows can tell checkpoints apart."""
        return self.validation >= TELLING and not self.one_label

    @property
    def new_head(self) -> bool:
        """Whether the task gives the model a head that it did not have in pretraining."""
        return self.kind.family == "encoder"


class Setting(NamedTuple):
    """The value of a setting, and the decision to be printed."""

    value: Any
    decision: Decision | None = None


def decide_training(recipe: Recipe, basis: Basis) -> tuple[Recipe, list[Decision]]:
    """The recipe with the training settings that nobody has set, and the decisions made.

    Args:
        recipe: The defaults of its task and of its optimizer are set already.
        basis: What the settings depend on.
    """
    decisions = []
    rules = ANY_MODEL if recipe.model.name is None else {**PRETRAINED, **ANY_MODEL}
    for key, rule in rules.items():
        table, _, name = key.partition(".")
        if not getattr(recipe, table).is_open(name):
            continue
        found = rule(recipe, basis)
        if found is not None and getattr(recipe, table).takes_default(name, found.value):
            recipe = recipe.with_defaults({key: found.value})
            decisions += [found.decision] if found.decision else []
    return recipe, decisions


def _batch_size(_: Recipe, basis: Basis) -> Setting | None:
    if not basis.new_head:
        return None
    size = BATCHES[(basis.rows >= FEW_ROWS) + (basis.rows >= MANY_ROWS)]
    why = f"for {plural(basis.rows, 'training row')}; smaller batches give more steps"
    return Setting(size, Decision("batch size", str(size), why))


def _epochs(recipe: Recipe, basis: Basis) -> Setting:
    per_epoch = recipe.training.steps_per_epoch(basis.rows, basis.mean_length)
    epochs, why = EPOCHS, "the usual number"
    if per_epoch * EPOCHS > ENOUGH_STEPS:
        epochs = max(1, ENOUGH_STEPS // per_epoch)
        why = f"with {plural(per_epoch, 'step')} each; many rows need fewer passes"
    elif basis.new_head and per_epoch * EPOCHS < LEAST_STEPS:
        needed = math.ceil(LEAST_STEPS / per_epoch)
        epochs, most = min(MOST_EPOCHS, needed), f", {MOST_EPOCHS} epochs at most" if needed > MOST_EPOCHS else ""
        why = f"of {plural(per_epoch, 'step')} each; fine-tuning needs about {LEAST_STEPS} steps{most}"
    if recipe.training.max_steps is not None and per_epoch * epochs < recipe.training.max_steps:
        epochs = math.ceil(recipe.training.max_steps / per_epoch)
        why = (
            f"of {plural(per_epoch, 'step')} each, for the {count(recipe.training.max_steps)} steps that were asked for"
        )
    return Setting(float(epochs), Decision("epochs", count(epochs), why))


def _learning_rate(_: Recipe, basis: Basis) -> Setting:
    parameters = parameters_of(basis.config)
    rate = _rate_for(parameters)
    why = f"for a model of {quantity(parameters, 'parameters')}; larger models take smaller rates"
    return Setting(rate, Decision("learning rate", f"{rate:g}", why))


def _rate_for(parameters: int) -> float:
    return float(f"{min(max(RATE * math.sqrt(BERT_BASE / parameters), RATES[0]), RATES[1]):.0e}")


def usual_rate(recipe: Recipe, config: PretrainedConfig) -> float | None:
    """The usual peak learning rate of a model, whatever the recipe sets; None for optimizers with other scales."""
    model, optimizer = recipe.model, recipe.training.optimizer
    if "adamw" not in optimizer:
        return None
    if model.name is None:
        return SCRATCH_RATES.get(str(model.from_scratch))
    adapter = ADAPTER_RATES[model.adapter.kind] if model.adapter is not None else 1
    return adapter * _rate_for(parameters_of(config))


def _warmup(_: Recipe, basis: Basis) -> Setting:
    why = "large first steps can damage a pretrained model"
    return Setting(WARMUP, Decision("warm-up", f"{share(WARMUP)} of the steps", why))


def _evaluation(recipe: Recipe, basis: Basis) -> Setting:
    if not basis.validation:
        return Setting("steps")
    every = recipe.training.eval_steps
    said = f"every {plural(int(every), 'step')}" if every >= 1 else f"every {share(every)} of the steps"
    return Setting("steps", Decision("evaluation", said, "often enough to see a trend"))


def _tolerance(recipe: Recipe, basis: Basis) -> Setting | None:
    evaluated = basis.validation and recipe.training.eval_strategy != "no"
    known = basis.kind.package == OURS and recipe.evaluation.metric_for_best is None
    if not evaluated or not basis.new_head or not known:
        return None  # another metric may not be a share
    tolerance, what, which = 2 * ANY, "the last one", "checkpoints"  # correlations lie between -1 and 1
    if basis.tells:
        # The last checkpoint within the standard error has the most training (Breiman et al. 1984).
        tolerance = float(f"{disagreement(basis.validation):.1g}")
        what = f"the last one whose {basis.metric} is within {tolerance:g} of the highest"
        which = "closer checkpoints"
    alike = " with the same label" if basis.one_label else ""
    why = f"{plural(basis.validation, 'validation row')}{alike} cannot tell {which} apart"
    decision = Decision("best checkpoint", what, why)
    return Setting(tolerance, decision)


def _patience(recipe: Recipe, basis: Basis) -> Setting:
    if not basis.tells:
        return Setting(0)
    tolerance = recipe.evaluation.best_tolerance
    why = f"each more than {tolerance:g} below the best" if tolerance else "none better than the best"
    decision = Decision("early stopping", f"after {PATIENCE} evaluations in a row", why)
    return Setting(PATIENCE, decision)


Rule = Callable[[Recipe, Basis], Setting | None]
# Key to rule, in an order in which each finds what it depends on decided.
PRETRAINED: Mapping[str, Rule] = {
    "training.batch_size": _batch_size,
    "training.epochs": _epochs,
    "training.learning_rate": _learning_rate,
    "training.warmup_ratio": _warmup,
}
ANY_MODEL: Mapping[str, Rule] = {
    "training.eval_strategy": _evaluation,
    "training.save_strategy": lambda recipe, basis: Setting("steps"),
    "evaluation.best_tolerance": _tolerance,
    "training.early_stopping_patience": _patience,
}
