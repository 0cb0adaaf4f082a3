"""Training settings that follow from the data and from the size of a pretrained model.

Their figures were chosen with `bench.quality`; what was tried, and what it gave, is in bench/LOG.md.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from transformers import PretrainedConfig

from luthier.findings import Decision
from luthier.models.scratch import parameters_of
from luthier.recipe import Recipe, TrainingRecipe
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
# Evaluations without a better score: the fewer validation rows, the more the score of each depends on chance.
PATIENCE, NOISE, EVALUATIONS = 3, 60, 10


@dataclass(frozen=True)
class Basis:
    """What the settings depend on.

    Args:
        kind: The task.
        rows: Training rows, or windows of them.
        validation: Validation rows.
        config: Configuration of the model.
    """

    kind: Task[Any]
    rows: int
    validation: int
    config: PretrainedConfig

    @property
    def new_head(self) -> bool:
        """Whether the task gives the model a head that it did not have in pretraining."""
        return self.kind.family == "encoder"


class Setting(NamedTuple):
    """A training setting, as the recipe names it, and the decision to be printed."""

    key: str
    value: Any
    decision: Decision | None = None


def decide_training(recipe: Recipe, basis: Basis) -> tuple[Recipe, list[Decision]]:
    """The recipe with the training settings that nobody has set, and the decisions made.

    Args:
        recipe: The defaults of its task and of its optimizer are set already.
        basis: What the settings depend on.
    """
    decisions = []
    rules = [] if recipe.model.name is None else [_batch_size, _epochs, _learning_rate, _warmup]
    for rule in [*rules, _evaluation, _saving, _patience]:
        found = rule(recipe.training, basis)
        if found is not None and recipe.training.takes_default(found.key, found.value):
            recipe = recipe.with_defaults({f"training.{found.key}": found.value})
            decisions += [found.decision] if found.decision else []
    return recipe, decisions


def _batch_size(_: TrainingRecipe, basis: Basis) -> Setting | None:
    if not basis.new_head:
        return None
    size = BATCHES[(basis.rows >= FEW_ROWS) + (basis.rows >= MANY_ROWS)]
    why = f"for {plural(basis.rows, 'training row')}: the fewer, the more steps they are worth"
    return Setting("batch_size", size, Decision("batch size", str(size), why))


def _epochs(training: TrainingRecipe, basis: Basis) -> Setting:
    per_epoch = -(-basis.rows // training.batch_size)
    epochs, why = EPOCHS, "the usual number"
    if per_epoch * EPOCHS > ENOUGH_STEPS:
        epochs = max(1, ENOUGH_STEPS // per_epoch)
        why = f"with {plural(per_epoch, 'step')} each; many rows need fewer passes"
    elif basis.new_head and per_epoch * EPOCHS < LEAST_STEPS:
        epochs = min(MOST_EPOCHS, math.ceil(LEAST_STEPS / per_epoch))
        why = f"of {plural(per_epoch, 'step')} each; a new head needs about {LEAST_STEPS} steps"
    return Setting("epochs", float(epochs), Decision("epochs", count(epochs), why))


def _learning_rate(_: TrainingRecipe, basis: Basis) -> Setting:
    parameters = parameters_of(basis.config)
    rate = float(f"{min(max(RATE * math.sqrt(BERT_BASE / parameters), RATES[0]), RATES[1]):.0e}")
    why = f"for a model of {quantity(parameters, 'parameters')}; larger models take smaller rates"
    return Setting("learning_rate", rate, Decision("learning rate", f"{rate:g}", why))


def _warmup(_: TrainingRecipe, basis: Basis) -> Setting:
    why = "of the steps, until the optimizer knows how large the gradients are"
    return Setting("warmup_ratio", WARMUP, Decision("warm-up", share(WARMUP), why))


def _evaluation(training: TrainingRecipe, basis: Basis) -> Setting:
    if not basis.validation:
        return Setting("eval_strategy", "steps")
    every = training.eval_steps
    said = f"every {plural(int(every), 'step')}" if every >= 1 else f"after every {share(every)} of the steps"
    return Setting("eval_strategy", "steps", Decision("evaluation", said, "enough for a curve that can be read"))


def _saving(training: TrainingRecipe, basis: Basis) -> Setting:
    return Setting("save_strategy", "steps")


def _patience(_: TrainingRecipe, basis: Basis) -> Setting | None:
    patience = round(PATIENCE + NOISE / math.sqrt(basis.validation)) if basis.validation else EVALUATIONS
    if patience >= EVALUATIONS:
        return None
    why = f"without a better score, for {plural(basis.validation, 'validation row')}"
    return Setting("early_stopping_patience", patience, Decision("early stopping", f"{patience} evaluations", why))
