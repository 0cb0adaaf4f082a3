"""The explicit training loop: forward, backward, clip, optimizer step, scheduler step, zero gradients."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedDataParallelKwargs, send_to_device
from torch import Tensor

from luthier import processes
from luthier.data.batches import MicroBatch, amounts, groups
from luthier.engines.base import OnStep, Step, Training
from luthier.engines.checkpoints import random_state
from luthier.engines.events import Events
from luthier.engines.gradients import clip
from luthier.engines.memory import Trial, attempt, halve
from luthier.engines.optimizers.schedules import step_schedule
from luthier.models.device import make_current

MIXED_PRECISION = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def steps(training: Training, accelerator: Accelerator, events: Events | None = None) -> Iterator[Step]:
    """Run the remaining optimizer steps, and yield after each.

    The loss of a step is the sum over its labels, in every micro-batch and process, divided once by their number.
    Nothing here waits for the device.

    Args:
        training: The training; its state determines the first step.
        accelerator: Handles processes and precision.
        events: Told of a step that ran out of memory, which begins again with smaller micro-batches.
    """
    recipe, state = training.recipe, training.state
    model, optimizer = accelerator.prepare(training.model, training.optimizer)
    if accelerator.scaler is not None:
        training.scaler = accelerator.scaler
        training.scaler.load_state_dict(training.scaler_state or training.scaler.state_dict())
    trial = Trial(training, accelerator)

    model.train()
    while state.step < training.total_steps:
        for group in groups(training.loader(), training.plan.parts):
            labels_of_step, tokens, padded_tokens = amounts(group)
            share = accelerator.num_processes / labels_of_step  # DDP averages over the processes; this makes it a sum
            randomness = random_state(training.device)
            backward = partial(_backward, training, accelerator, model, group, share)
            loss = attempt(backward) if trial.fits(group) else None
            if loss is None:
                halve(training, randomness, events)
                break  # out of the batches of the former size; the step begins again
            loss = accelerator.reduce(loss, "mean")  # the same in every process, and so is everything derived from it
            rate = float(training.scheduler.get_last_lr()[0])
            if training.scaler:  # it skips single overflows by itself and continues with a smaller scale
                norm = accelerator.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
                healthy = torch.isfinite(loss)
            else:
                norm, healthy = clip(training.optimizer, model.parameters(), loss, recipe.max_grad_norm)
            optimizer.step()
            if not accelerator.optimizer_step_was_skipped:
                step_schedule(training.scheduler)
            optimizer.zero_grad()
            training.advance(tokens, padded_tokens)
            yield Step(state.step, loss, norm, rate, healthy, tokens, padded_tokens)


def _backward(
    training: Training, accelerator: Accelerator, model: Any, group: Sequence[MicroBatch], share: float
) -> Tensor:
    """Forward and backward of each micro-batch of a step; returns this process's part of the loss."""
    loss = torch.zeros((), device=accelerator.device)
    for batch in group:
        last = batch is group[-1]
        with nullcontext() if last else accelerator.no_sync(model):
            tensors = send_to_device(batch.tensors, accelerator.device, non_blocking=True)
            loss_sum = training.objective(model, tensors)[1]  # the outputs are not kept
            assert loss_sum is not None  # training rows have labels
            part = loss_sum * share
            accelerator.backward(part)
        loss += part.detach()
    return loss


def new_accelerator(training: Training) -> Accelerator:
    """An accelerator with a training's device and precision, regardless of earlier trainings in this process."""
    # These states outlive an Accelerator: a run on another device or in another precision would be refused, and after a
    # run that stopped in the middle of an accumulated batch the optimizer would silently do nothing.
    AcceleratorState._reset_state(reset_partial_state=processes.count() == 1)
    GradientState._reset_state()
    make_current(training.device)
    return Accelerator(
        cpu=training.device.type == "cpu",
        mixed_precision=MIXED_PRECISION[training.recipe.precision],
        gradient_accumulation_steps=1,  # the loop divides the loss itself; another value would divide it again
        # Some heads do not use every layer in a step; DDP must detect this, or it waits for these layers forever.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def run(training: Training, on_step: OnStep, events: Events | None = None) -> None:
    """The engine `loop`: run the remaining steps until `on_step` asks to stop."""
    accelerator = new_accelerator(training)
    processes.check(accelerator.num_processes)
    for step in steps(training, accelerator, events):
        if on_step(step):
            break
