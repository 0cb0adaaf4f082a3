"""What is known of a run besides its curves: its metric, its validation rows, and the usual learning rate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from luthier.learning_curves.record import Series
from luthier.recipe import TrainingRecipe
from luthier.run_directory.run import Run

# Checkpoints of a training disagree on about this share of rows: its square root over that of the rows is the standard
# error of the difference between their scores.
DISAGREE = 0.1
CERTAIN = 1.96  # standard errors of a difference that is significant (95 %)
LOWER_IS_BETTER = {"perplexity", "bits_per_byte", "mse", "rmse", "mae", "ece"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a run besides its curves.

    Args:
        metric: The metric that selects the best checkpoint; empty if it is unknown or the loss.
        greater_is_better: Its direction.
        validation_rows: Rows of each evaluation; None if unknown.
        usual_rate: The usual peak learning rate of such a model; None if unknown.
        leak: The check of the data found a leak that leaves training rows in a held-out split.
        done: Share of the steps that are done: 1 once training has ended, however early.
    """

    metric: str = ""
    greater_is_better: bool = True
    validation_rows: int | None = None
    usual_rate: float | None = None
    leak: bool = False
    done: float = 1.0

    @classmethod
    def of(cls, run: Run, curves: Mapping[str, Series]) -> "Facts":
        """Read them from a run directory, of a finished or unfinished run.

        Raises:
            DamagedError: A file is damaged.
            RecipeError: The recipe cannot be read.
        """
        recipe, result = run.recipe, run.read_json(run.result_file)
        data, scores = run.read_json(run.data_file) or {}, run.read_json(run.metrics_file) or {}
        told = data.get("metric_for_best")  # while there is no score
        chosen = scores.get("metric_for_best") or told or recipe.evaluation.metric_for_best
        measured = [name.removeprefix("eval/") for name in curves if name.startswith("eval/")]
        first = next((name for name in measured if name != "loss"), "")
        metric = chosen if chosen in measured else first
        scored = (scores.get("metrics") or {}).get(metric) or (data if metric == told else {})
        greater = scored.get("greater_is_better")
        return cls(
            metric="" if metric == "loss" else metric,
            greater_is_better=metric not in LOWER_IS_BETTER if greater is None else bool(greater),
            validation_rows=(data.get("splits") or {}).get("validation"),
            usual_rate=data.get("usual_learning_rate"),
            # A smaller leak is a warning: the rows are left out.
            leak=any(found["id"] == "leak" and found["severity"] == "error" for found in data.get("findings") or []),
            done=1.0 if result is not None else done_share(recipe.training, curves.get("train/loss", Series())),
        )

    @property
    def ended(self) -> bool:
        """Whether training has ended, so that the ends of the curves tell something."""
        return self.done >= 1

    @property
    def resolution(self) -> float:
        """The smallest difference of a share, such as an accuracy, between two evaluations that is significant.

        0 if the validation rows are unknown, or the metric is no share, but an error in the unit of the data.
        """
        if not self.validation_rows or self.metric in LOWER_IS_BETTER:
            return 0.0
        return CERTAIN * disagreement(self.validation_rows)


def done_share(recipe: TrainingRecipe, losses: Series) -> float:
    """The share of a recipe's steps that are done."""
    total = planned_steps(recipe, losses)
    return losses.steps[-1] / total if total else 0.0


def planned_steps(recipe: TrainingRecipe, losses: Series) -> int | None:
    """The steps of a training, whose epochs tell how many an epoch has; None before the first one."""
    if not losses.epochs or not losses.epochs[-1]:
        return None
    return recipe.total_steps(round(losses.steps[-1] / losses.epochs[-1]), losses.steps[-1])


def disagreement(rows: int) -> float:
    """Standard error of the difference between the scores of two checkpoints of a training."""
    return math.sqrt(DISAGREE / rows)
