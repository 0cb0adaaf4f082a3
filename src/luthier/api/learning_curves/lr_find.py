"""`lr_find`: a learning rate for a model and data, by a range test."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch.optim.lr_scheduler import LambdaLR

from luthier import processes
from luthier.console import Console, Progress
from luthier.data.reading.memory import Data
from luthier.engines import engine_named
from luthier.engines.base import Step, Training, TrainState
from luthier.engines.checkpoints import random_state, set_random_state
from luthier.engines.optimizers import make_optimizer
from luthier.errors import UsageError
from luthier.findings import Decision
from luthier.interrupts import check
from luthier.learning_curves.plot import save
from luthier.learning_curves.rate_range import FEWEST, RateRange, diverged
from luthier.models.device import choose_device
from luthier.pipeline.preparation.prepare import prepare, refuse
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import assemble, decide_precision
from luthier.pipeline.training.head import fit_head
from luthier.recipe import Recipe
from luthier.reporting.terminal.display import Piece, Shown
from luthier.reporting.terminal.rate_range import rate_pieces
from luthier.storage.temporary import temporary_directory
from luthier.text import number, plural

BELOW, ABOVE = 100.0, 1000.0  # the usual rate is divided and multiplied by


@dataclass(frozen=True, repr=False)
class LearningRateTest(Shown):
    """The result of a range test. The repr is text.

    Args:
        test: The losses at each rate, and the suggestion.
        recipe: The recipe that was tested.
        picture: Where the losses were drawn.
    """

    test: RateRange
    recipe: Recipe
    picture: Path | None = None

    @property
    def learning_rate(self) -> float | None:
        """The rate to train with; None if none stands out."""
        return self.test.suggestion

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        usual = {"usual": self.recipe.training.learning_rate, "batch_size": self.recipe.training.batch_size}
        return self.test.to_dict() | usual | {"picture": str(self.picture) if self.picture else None}

    def _pieces(self) -> Sequence[Piece]:
        return rate_pieces(self.test, self.recipe.training.learning_rate, self.picture)


def lr_find(
    data: Data | Recipe,
    *,
    steps: int = 100,
    output: Path | None = None,
    console: Console | None = None,
    **settings: Any,
) -> LearningRateTest:
    """Find a learning rate: train some steps while the rate rises, and see where the loss falls fastest.

    Everything else is as in `train` with the same settings: the model, the rows of each step, the optimizer, a fitted
    head. The steps are made twice, first at a rate of 0, so that the difference shows what the rate does and not what
    the rows of a step do. Nothing is saved but the picture. The rate rises from a hundredth of the usual one to a
    thousand times it, or until the loss has diverged.

    Args:
        data: As in `train`.
        steps: Optimizer steps, at least 20. More give a smoother curve.
        output: Where to draw the losses, as .png or .svg; nowhere by default.
        console: Receives decisions, findings and progress; silent by default.
        **settings: Recipe keys, as in `train`.
    Returns:
        The suggestion, and the loss at each rate.
    Raises:
        UsageError: There are fewer than 20 steps.
        LuthierError: As in `train`.

    Example:
        >>> found = luthier.lr_find("reviews.csv", model="minilm")
        >>> luthier.train("reviews.csv", model="minilm", learning_rate=found.learning_rate)
    """
    if steps < FEWEST:
        raise UsageError(f"{plural(steps, 'step')} show no curve", where="steps", hint=f"choose {FEWEST} or more")
    processes.require_one("the test")
    console = console or Console()
    with temporary_directory() as folder:
        recipe = build_recipe(data, settings, Path(folder), console)
        choose_device(recipe.device)
        prepared = prepare(recipe, console)
        refuse(prepared.stopping, prepared.sources)
        decide_precision(prepared, console)
        training = assemble(prepared)
        fit_head(prepared, training, console)
        test = _measured(training, steps, console)
    if output is not None:
        save(test.figure(), output)
    return LearningRateTest(test, prepared.recipe, output)


def _measured(training: Training, most: int, console: Console) -> RateRange:
    """The losses at rising rates, up to the first that is not finite.

    The loss of a step depends on its rows and its dropout, which can hide what the rate does. The same steps at a rate
    of 0 have the same rows and dropout; the loss at a rate is its difference to them, added to their mean.
    """
    factors = np.geomspace(1 / BELOW, ABOVE, most).tolist()
    rates = [training.recipe.learning_rate * factor for factor in factors]
    console.decision(
        Decision("range test", f"{most} steps twice", f"at rates of 0, then {rates[0]:.2g} to {rates[-1]:.2g}")
    )
    randomness = random_state(training.device)
    with console.progress("lr-find", 2 * most, "steps") as bar:
        still = _losses(training, [0.0] * most, bar)
        set_random_state(randomness, training.device)
        optimizer = make_optimizer(training.model, training.recipe, training.device)
        moved = _losses(replace(training, optimizer=optimizer, state=TrainState()), factors, bar)
    mean = float(np.mean(still)) if still else 0.0
    losses = [mean + loss - before for loss, before in zip(moved, still, strict=False)]
    return RateRange(rates[: len(losses)], losses)


def _losses(training: Training, factors: Sequence[float], bar: Progress) -> list[float]:
    """The finite losses of steps at multiples of the recipe's rate, until they diverge."""
    # Each group of parameters keeps its own share of the rate, as with layer_decay.
    schedule = LambdaLR(training.optimizer, lambda step: factors[min(step, len(factors) - 1)])
    losses: list[float] = []

    def on_step(step: Step) -> bool:
        check()
        loss = float(step.loss)
        if not math.isfinite(loss) or not step.healthy:
            return True
        losses.append(loss)
        bar.advance(1, loss=number(loss), rate=f"{step.learning_rate:.2g}")
        return diverged(losses)

    training = replace(training, total_steps=len(factors), scheduler=schedule)
    engine_named(training.recipe.engine)(training, on_step)
    return losses
