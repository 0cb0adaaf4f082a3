"""What an engine is handed and what it hands back. An engine knows nothing of tasks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel

from luthier.data.batches import BatchPlan, Collate, FeatureRow
from luthier.engines.objective import Objective
from luthier.recipe import TrainingRecipe


@dataclass
class TrainState:
    """Where training stands; goes whole into a checkpoint.

    Args:
        step: Optimizer steps done.
        tokens: Real tokens seen.
        padded_tokens: Tokens seen with padding.
        seconds: Time spent in steps.
        best_step: Step of the best evaluation so far.
        best_value: Its metric.
        evaluations_without_gain: Evaluations since the best one.
        curves_length: Bytes of `curves.jsonl` that belong to this state.
        stopped: Why training ended before its last step; empty while it goes on.
    """

    step: int = 0
    tokens: int = 0
    padded_tokens: int = 0
    seconds: float = 0.0
    best_step: int | None = None
    best_value: float | None = None
    evaluations_without_gain: int = 0
    curves_length: int = 0
    stopped: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Step:
    """One optimizer step that was done. The tensors stay on the device until somebody asks for their numbers.

    Args:
        step: Its number, from 1.
        loss: Mean loss over every label of the step, over all micro-batches and processes.
        grad_norm: Norm of the gradient before clipping.
        learning_rate: The rate that the step used.
        healthy: False from the first step on whose loss or gradient was not finite; no update was made since.
        tokens: Real tokens of the step, over all processes.
        padded_tokens: The same with padding.
    """

    step: int
    loss: Tensor
    grad_norm: Tensor
    learning_rate: float
    healthy: Tensor
    tokens: int
    padded_tokens: int


@dataclass
class Training:
    """Everything of a training: what an engine works on and what a checkpoint holds.

    Args:
        model: The model, in training mode when a step begins.
        device: Where it runs.
        optimizer: Over the model's parameters.
        scheduler: Of the learning rate; one call a step.
        plan: Which rows each step has.
        rows: Encoded rows that the plan's indices point to.
        collate: Turns rows into a batch.
        objective: Runs the model on a batch and sums its loss.
        recipe: The training table of the recipe, with the precision resolved.
        total_steps: Optimizer steps in all.
        state: Where training stands.
        scaler: The gradient scaler of fp16; the engine that makes one puts it here.
        scaler_state: State that the scaler starts from, after a resume.
    """

    model: PreTrainedModel
    device: torch.device
    optimizer: Optimizer
    scheduler: LambdaLR
    plan: BatchPlan
    rows: Sequence[FeatureRow]
    collate: Collate
    objective: Objective
    recipe: TrainingRecipe
    total_steps: int
    state: TrainState = field(default_factory=TrainState)
    scaler: torch.amp.GradScaler | None = None
    scaler_state: dict[str, Any] | None = None

    def advance(self, tokens: int, padded_tokens: int) -> None:
        """Count a step that was done: its real tokens and its tokens with padding, over all processes."""
        self.state.step += 1
        self.state.tokens += tokens
        self.state.padded_tokens += padded_tokens


class OnStep(Protocol):
    """What an engine calls after each step. True asks it to stop."""

    def __call__(self, step: Step) -> bool: ...


class Engine(Protocol):
    """Runs the steps that are left in `training.state` and calls `on_step` after each."""

    def __call__(self, training: Training, on_step: OnStep) -> None: ...


def guard(optimizer: Optimizer, loss: Tensor, grad_norm: Tensor) -> Tensor:
    """Bar the coming and every later update once a loss or a gradient is not finite, without waiting for the device.

    A fused torch optimizer leaves parameters, moments and step count alone while its `found_inf` is 1: the door that
    `torch.amp.GradScaler` uses (torch/amp/grad_scaler.py, `step`). The flag is sticky, so the weights stay those of
    the last good step until the host looks.

    Returns:
        A bool on the device: True while all is well.
    """
    healthy = torch.isfinite(loss) & torch.isfinite(grad_norm)
    before = getattr(optimizer, "found_inf", None)
    found_inf = (~healthy).to(torch.float32) if before is None else torch.maximum((~healthy).to(torch.float32), before)
    optimizer.found_inf = found_inf  # type: ignore[attr-defined]  # torch documents no setter for it
    return found_inf == 0
