"""What to try where a model does not beat a baseline: a command, where the run has evidence for one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from luthier import text
from luthier.learning_curves.diagnose import diagnose
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series
from luthier.recipe import TrainingRecipe
from luthier.recipe.durations import duration_of
from luthier.run_directory.run import COMPLETED, OUT_OF_TIME, Run

# Fewer optimizer steps than this are worth three times as many, unless the curves speak against it.
FEW_STEPS, MORE = 300, 3
_RATES = {3: "three times the learning rate", 1 / 3: "a third of the learning rate"}


@dataclass(frozen=True, slots=True)
class Advice:
    """What to try where a model does not beat a baseline.

    Args:
        why: What the run shows, and what to try.
        command: The command, ready to run.
    """

    why: str
    command: str


def advise(run: Run, curves: Mapping[str, Series]) -> Advice | None:
    """How to train a run's model again; None without evidence that another training would be better.

    Evidence is what the curves show (`Diagnosis.rate_factor` and `.steps_factor`), or fewer than `FEW_STEPS` optimizer
    steps: all of them, or those that there was time for.

    Raises:
        RecipeError: The recipe cannot be read.
    """
    losses, recipe = curves.get("train/loss", Series()), run.recipe.training
    if not losses.steps:
        return None
    found, done = diagnose(curves, Facts.of(run, curves)), losses.steps[-1]
    ended = (run.read_json(run.result_file) or {}).get("stopped", COMPLETED)
    few = done < FEW_STEPS and ended in (COMPLETED, OUT_OF_TIME.format(recipe.max_time))
    rate = next((finding.rate_factor for finding in found if finding.rate_factor != 1), 1)
    factor = min(
        (finding.steps_factor for finding in found if finding.steps_factor is not None), default=MORE if few else 1
    )
    faster = {"--lr": f"{recipe.learning_rate * rate:.2g}"} if rate != 1 else {}
    longer = _longer(recipe, losses, factor) if factor > 1 else {}
    if not faster and not longer:
        return None
    evidence = [finding.message for finding in found if finding.rate_factor != 1 or (finding.steps_factor or 1) > 1]
    evidence = evidence or [f"The run took only {text.plural(done, 'optimizer step')}."]
    tries = [_RATES.get(rate, f"a {'higher' if rate > 1 else 'lower'} learning rate")] if faster else []
    tries += ["about three times as many steps"] if longer else []
    options = " ".join(f"{name} {value}" for name, value in (faster | longer).items())
    command = f"luthier train {text.typed(run.recipe_file)} {options}"
    return Advice(f"{' '.join(evidence)} Try {' and '.join(tries)}.", command)


def _longer(recipe: TrainingRecipe, losses: Series, factor: float) -> dict[str, str]:
    """The options that raise those limits of a recipe that would end the training before `factor` times its steps."""
    steps, epochs = math.ceil(losses.steps[-1] * factor), math.ceil(round(losses.epochs[-1] * factor, 6))
    found = {"--epochs": str(epochs)} if epochs > recipe.epochs else {}
    if recipe.max_steps is not None and steps > recipe.max_steps:
        found["--max-steps"] = str(steps)
    if recipe.max_seconds is not None:
        found["--max-time"] = duration_of(math.ceil(recipe.max_seconds * factor))
    return found
