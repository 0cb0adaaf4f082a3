"""The interface of engines: their input and output. Engines are independent of tasks."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from transformers import PreTrainedModel

from luthier import processes
from luthier.data.batches import BatchPlan, Collate, FeatureRow, MicroBatch, train_loader
from luthier.engines.averages import Ema
from luthier.engines.events import Events
from luthier.engines.objective import Objective
from luthier.engines.optimizers import schedules
from luthier.engines.ranking import Evaluated
from luthier.errors import NonFiniteError
from luthier.models.finite import all_finite
from luthier.recipe import TrainingRecipe


@dataclass
class TrainState:
    """The state of training; saved in each checkpoint.

    Args:
        step: Optimizer steps done.
        tokens: Tokens seen, without padding.
        padded_tokens: Tokens seen, with padding.
        seconds: Time spent in steps.
        best_step: Step of the best evaluation so far, of the raw weights; of the last within the tolerance of it.
        best_value: Its metric.
        best_loss: Its validation loss, which decides between equal metrics.
        top: The best evaluation so far, of the raw weights.
        ema_best: The best evaluation of the EMA weights so far, if the recipe keeps them.
        ranked: The best evaluations so far whose checkpoints are averaged at the end, best first.
        evaluations_without_gain: Evaluations since the best one, of raw or EMA weights.
        curves_length: Bytes of `curves.jsonl` that belong to this state.
        stopped: Why training stopped early; empty if it did not.
        evaluation_due: Whether a signal interrupted the evaluation at this step, so that a resume repeats it.
        parts: Micro-batches per process and step, if a step ran out of memory with the recipe's; else None.
    """

    step: int = 0
    tokens: int = 0
    padded_tokens: int = 0
    seconds: float = 0.0
    best_step: int | None = None
    best_value: float | None = None
    best_loss: float | None = None
    top: Evaluated | None = None
    ema_best: Evaluated | None = None
    ranked: list[Evaluated] = field(default_factory=list)
    evaluations_without_gain: int = 0
    curves_length: int = 0
    stopped: str = ""
    evaluation_due: bool = False
    parts: int | None = None

    def __post_init__(self) -> None:
        self.top = None if self.top is None else Evaluated.read(self.top)
        self.ema_best = None if self.ema_best is None else Evaluated.read(self.ema_best)
        self.ranked = [Evaluated.read(one) for one in self.ranked]

    @property
    def best(self) -> Evaluated | None:
        """The best evaluation of the raw weights."""
        if self.best_step is None or self.best_value is None:
            return None
        return Evaluated(self.best_step, self.best_value, math.nan if self.best_loss is None else self.best_loss)

    @property
    def best_steps(self) -> set[int]:
        """The steps whose checkpoints may become the model, or a part of it."""
        found = {one.step for one in (self.ema_best, *self.ranked) if one is not None}
        return found if self.best_step is None else found | {self.best_step}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Step:
    """A completed optimizer step. The tensors stay on the device until their values are read.

    Args:
        step: Its number, from 1.
        loss: Mean loss over every label of the step, over all micro-batches and processes.
        grad_norm: Norm of the gradient before clipping.
        learning_rate: The rate that the step used.
        healthy: False from the first step whose loss or gradient is not finite; no update is made from then on.
        tokens: Tokens of the step without padding, over all processes.
        padded_tokens: The same with padding.
        evaluate: Whether a callback of the engine asks for an evaluation after this step.
        save: Whether it asks for a checkpoint.
    """

    step: int
    loss: Tensor
    grad_norm: Tensor
    learning_rate: float
    healthy: Tensor
    tokens: int
    padded_tokens: int
    evaluate: bool = False
    save: bool = False


@dataclass
class Training:
    """Everything that an engine works on and a checkpoint holds.

    Args:
        model: The model, in training mode when a step begins.
        device: The device of the model.
        optimizer: Optimizer of the model's parameters.
        scheduler: Learning rate schedule; called once per step, or at each evaluation if it follows a metric.
        plan: The rows of each step.
        rows: Encoded rows that the plan's indices point to.
        collate: Turns rows into a batch.
        objective: Runs the model on a batch and sums its loss.
        recipe: The training table of the recipe, with the precision resolved.
        total_steps: Optimizer steps in total; a time limit may change them.
        state: The state of training.
        ema: The moving average of the weights, if the recipe asks for one.
        scaler: The gradient scaler of fp16; set by the engine.
        scaler_state: Initial state of the scaler after a resume.
    """

    model: PreTrainedModel
    device: torch.device
    optimizer: Optimizer
    scheduler: LRScheduler
    plan: BatchPlan
    rows: Sequence[FeatureRow]
    collate: Collate
    objective: Objective
    recipe: TrainingRecipe
    total_steps: int
    state: TrainState = field(default_factory=TrainState)
    ema: Ema | None = None
    scaler: torch.amp.GradScaler | None = None
    scaler_state: dict[str, Any] | None = None

    def use_parts(self, parts: int) -> None:
        """Divide each step into this many micro-batches, also after a resume."""
        self.state.parts = parts
        self.plan = replace(self.plan, parts=parts)

    def end_with(self, total_steps: int) -> None:
        """End with another step, and so does the schedule."""
        self.total_steps = total_steps
        schedules.end_with(self.scheduler, self.recipe, total_steps)

    def loader(self) -> DataLoader[MicroBatch]:
        """The micro-batches of the remaining steps."""
        return train_loader(
            self.plan,
            self.rows,
            self.collate,
            start=self.state.step,
            stop=self.total_steps,
            workers=self.recipe.dataloader_num_workers,
        )

    def advance(self, tokens: int, padded_tokens: int) -> None:
        """Count a completed step, with its tokens over all processes, and average its weights."""
        self.state.step += 1
        self.state.tokens += tokens
        self.state.padded_tokens += padded_tokens
        if self.ema is not None:
            self.ema.update(self.state.step)


class OnStep(Protocol):
    """A function that an engine calls after each step; returns True to stop."""

    def __call__(self, step: Step) -> bool: ...


class Engine(Protocol):
    """Runs the remaining steps of a training and calls `on_step` after each; `events` may hold the engine's own.

    How many remain may change while `on_step` is called.
    """

    def __call__(self, training: Training, on_step: OnStep, events: Events | None = None) -> None: ...


def check_weights(training: Training) -> None:
    """Check that the weights are finite: an update can overflow although its loss and gradient are finite.

    Raises:
        NonFiniteError: A weight is nan or infinite.
    """
    if not all_finite(training.model.parameters()):
        raise processes.alike(
            NonFiniteError(
                f"the weights are not finite after step {training.state.step}",
                where=f"training.learning_rate = {training.recipe.learning_rate:g}",
                hint="lower the learning rate; earlier checkpoints are intact",
            )
        )
