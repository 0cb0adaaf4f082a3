"""Learning rate schedules, by their transformers names."""

from functools import partial

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from luthier.errors import RecipeError
from luthier.recipe import TrainingRecipe

LINEAR, PLATEAU = "linear", "reduce_lr_on_plateau"


def warmup_steps(recipe: TrainingRecipe, total_steps: int) -> int:
    """Steps of warm-up."""
    return recipe.warmup_steps or round(recipe.warmup_ratio * total_steps)


def make_scheduler(optimizer: Optimizer, recipe: TrainingRecipe, total_steps: int) -> LRScheduler:
    """The recipe's learning rate schedule, with warm-up.

    Raises:
        RecipeError: The schedule does not take the recipe's `lr_scheduler_kwargs`.
    """
    warmup = warmup_steps(recipe, total_steps)
    if recipe.lr_scheduler_type == LINEAR and not recipe.lr_scheduler_kwargs:
        return LambdaLR(optimizer, partial(_linear, warmup=warmup, total=total_steps))
    from transformers import get_scheduler

    try:
        return get_scheduler(
            recipe.lr_scheduler_type,
            optimizer,
            num_warmup_steps=warmup,
            num_training_steps=total_steps,
            scheduler_specific_kwargs=dict(recipe.lr_scheduler_kwargs),
        )
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"the schedule {recipe.lr_scheduler_type} cannot be made: {error}",
            where="training.lr_scheduler_kwargs",
            hint="use only arguments of this schedule, such as num_cycles for cosine",
        ) from None


def _linear(step: int, *, warmup: int, total: int) -> float:
    """The share of the peak rate, as in transformers, whose schedules import peft and, with it, bitsandbytes."""
    return step / max(1, warmup) if step < warmup else max(0.0, (total - step) / max(1, total - warmup))


def rates(recipe: TrainingRecipe, total_steps: int) -> list[float]:
    """The learning rate of each step; empty for a schedule that follows a metric."""
    if recipe.lr_scheduler_type == PLATEAU:
        return []
    optimizer = _stand_in(recipe)
    scheduler = make_scheduler(optimizer, recipe, total_steps)
    found = []
    for _ in range(total_steps):
        found.append(float(scheduler.get_last_lr()[0]))
        optimizer.step()
        scheduler.step()
    return found


def end_with(scheduler: LRScheduler, recipe: TrainingRecipe, total_steps: int) -> None:
    """Let a schedule end with another step; the rate of the next step is already set."""
    if isinstance(scheduler, LambdaLR):  # others follow a metric
        made = make_scheduler(_stand_in(recipe), recipe, total_steps)
        assert isinstance(made, LambdaLR)
        scheduler.lr_lambdas = made.lr_lambdas * len(scheduler.lr_lambdas)


def _stand_in(recipe: TrainingRecipe) -> Optimizer:
    """An optimizer to make a schedule for."""
    return SGD([nn.Parameter(torch.zeros(()))], lr=recipe.learning_rate)


def step_schedule(scheduler: LRScheduler) -> None:
    """Advance a schedule by a step; one that follows a metric waits for the evaluation."""
    if not isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step()


def step_after_evaluation(scheduler: LRScheduler, loss: float) -> None:
    """Advance a schedule that follows a metric by the validation loss of an evaluation."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
