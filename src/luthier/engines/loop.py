"""The explicit training loop: forward, backward, clip, optimizer step, scheduler step, zero gradients."""

from collections.abc import Iterator
from contextlib import nullcontext

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedDataParallelKwargs, send_to_device

from luthier import processes
from luthier.data.batches import amounts, groups, train_loader
from luthier.engines.base import OnStep, Step, Training, guard
from luthier.engines.events import Events
from luthier.engines.optimizers.schedules import step_schedule
from luthier.models.device import make_current

MIXED_PRECISION = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def steps(training: Training, accelerator: Accelerator) -> Iterator[Step]:
    """Run the remaining optimizer steps, and yield after each.

    The loss of a step is the sum over its labels, in every micro-batch and process, divided once by their number.
    Nothing here waits for the device.

    Args:
        training: The training; its state determines the first step.
        accelerator: Handles processes and precision.
    """
    recipe, plan, state = training.recipe, training.plan, training.state
    model, optimizer = accelerator.prepare(training.model, training.optimizer)
    if accelerator.scaler is not None:
        training.scaler = accelerator.scaler
        training.scaler.load_state_dict(training.scaler_state or training.scaler.state_dict())

    loader = train_loader(
        plan,
        training.rows,
        training.collate,
        start=state.step,
        stop=training.total_steps,
        workers=recipe.dataloader_num_workers,
    )
    model.train()
    for group in groups(loader, plan.parts):
        labels_of_step, tokens, padded_tokens = amounts(group)
        share = accelerator.num_processes / labels_of_step  # DDP averages over the processes; this makes it a sum
        loss = torch.zeros((), device=accelerator.device)
        for batch in group:
            last = batch is group[-1]
            with nullcontext() if last else accelerator.no_sync(model):
                tensors = send_to_device(batch.tensors, accelerator.device, non_blocking=True)
                _, loss_sum = training.objective(model, tensors)
                assert loss_sum is not None  # training rows have labels
                part = loss_sum * share
                accelerator.backward(part)
            loss += part.detach()
        loss = accelerator.reduce(loss, "mean")  # the same in every process, and so is everything derived from it
        norm = accelerator.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        rate = float(training.scheduler.get_last_lr()[0])
        # The scaler of fp16 skips single overflows by itself and continues with a smaller scale.
        healthy = torch.isfinite(loss) if training.scaler else guard(training.optimizer, loss, norm)
        optimizer.step()
        if not accelerator.optimizer_step_was_skipped:
            step_schedule(training.scheduler)
        optimizer.zero_grad()
        training.advance(tokens, padded_tokens)
        yield Step(state.step, loss, norm, rate, healthy, tokens, padded_tokens)


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
    for step in steps(training, accelerator):
        if on_step(step):
            break
