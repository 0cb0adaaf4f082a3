"""The engine `trainer`: the same batches and weights in the Hugging Face `Trainer`, as a reference."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from accelerate.utils import reduce
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from luthier.data.batches import Batch, MicroBatch, amounts
from luthier.engines.base import OnStep, Step, Training
from luthier.engines.checkpoints import RandomState, random_state, set_random_state
from luthier.engines.events import Events
from luthier.engines.gradients import clip
from luthier.engines.memory import Trial, attempt, halve
from luthier.engines.trainer_callbacks import Asked, Relay, begin
from luthier.models.device import make_current
from luthier.storage.temporary import temporary_directory


def run(training: Training, on_step: OnStep, events: Events | None = None) -> None:
    """Let the `Trainer` run the remaining steps; saving, evaluating and reporting are left to `on_step`.

    Args:
        training: The training; its state determines the first step.
        on_step: Called after each step.
        events: Hold the user's `TrainerCallback`s. They see a new start when a step ran out of memory: another
            `Trainer`, which begins with this step in smaller micro-batches. The same if more steps are planned.
    """
    stopped = False

    def after(step: Step) -> bool:
        nonlocal stopped
        stopped = on_step(step)
        return stopped

    randomness = random_state(training.device)  # creating a Trainer reseeds every generator
    while training.state.step < training.total_steps and not stopped:
        failed = _attempt(training, after, events, randomness)
        if failed is not None:
            halve(training, failed, events)
        randomness = failed or random_state(training.device)


def _attempt(training: Training, on_step: OnStep, events: Events | None, randomness: RandomState) -> RandomState | None:
    """Run the remaining steps, up to one that runs out of memory.

    Returns:
        The random state that this step began with; None if all steps were run, or `on_step` stopped.
    """
    recipe = training.recipe
    relay = (events.relay if events is not None else None) or Relay()
    bridge = _Bridge(training, randomness)
    with temporary_directory() as directory:
        trainer = _PlannedTrainer(
            model=training.model,
            args=_OneDevice(
                chosen=str(training.device),
                output_dir=directory,
                max_steps=training.total_steps,
                num_train_epochs=training.plan.epoch(training.total_steps),
                per_device_train_batch_size=training.plan.micro_batch_size(),
                gradient_accumulation_steps=training.plan.parts,
                max_grad_norm=recipe.max_grad_norm if recipe.precision == "fp16" else 0,  # else `clip` limits it
                bf16=recipe.precision == "bf16",
                fp16=recipe.precision == "fp16",
                logging_steps=1,  # `on_log` is the only public hook that receives the gradient norm
                logging_nan_inf_filter=False,
                save_strategy="no",
                eval_strategy="no",
                report_to="none",
                disable_tqdm=True,
                remove_unused_columns=False,
                use_cpu=training.device.type == "cpu",
            ),
            train_dataset=training.rows,
            optimizers=(training.optimizer, training.scheduler),  # type: ignore[arg-type]  # takes every schedule
            callbacks=[bridge],
        )
        for noisy in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(noisy)
        for callback in relay.callbacks:  # only now, since the ones that were removed may be the user's too
            trainer.add_callback(callback)
            callback.on_init_end(trainer.args, trainer.state, trainer.control, model=training.model)
        trainer.add_callback(_LastInLine(trainer, bridge, on_step, relay))
        trainer.bridge = bridge
        training.scaler = getattr(trainer.accelerator, "scaler", None)
        if training.scaler is not None and training.scaler_state:
            training.scaler.load_state_dict(training.scaler_state)
        done = False
        with suppress(_OutOfMemory):
            trainer.train()
            done = True
    if training.scaler is not None:
        training.scaler_state = training.scaler.state_dict()
    return None if done else bridge.randomness


class _OutOfMemory(Exception):
    """Ends a `Trainer` whose step ran out of memory."""


@dataclass
class _OneDevice(TrainingArguments):
    """Arguments that use only the training's device: by default the `Trainer` spreads one process over all GPUs."""

    chosen: str = "cpu"

    @property
    def device(self) -> torch.device:
        super().device  # noqa: B018  # connects the processes, and takes the first GPU
        make_current(torch.device(self.chosen))
        return torch.device(self.chosen)

    @property
    def n_gpu(self) -> int:
        return min(1, super().n_gpu)


class _PlannedTrainer(Trainer):
    """A `Trainer` whose training batches come from the plan, and whose loss is the objective's."""

    bridge: "_Bridge"
    loss_is_scaled_for_ga = True  # the loss is divided by the labels of the whole step
    trial: Trial | None = None

    def training_step(self, model: nn.Module, inputs: Batch, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Forward and backward of a micro-batch; before the first of a step, a trial if there are several processes.

        Raises:
            _OutOfMemory: The step does not fit into memory.
        """
        self.trial = self.trial or Trial(self.bridge.training, self.accelerator)
        fits = not self.bridge.begins or self.trial.fits(self.bridge.group)
        step = partial(super().training_step, model, inputs, num_items_in_batch)
        loss = attempt(step) if fits else None
        if loss is None:
            raise _OutOfMemory
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,  # not passed for every model
    ) -> Any:
        outputs, loss_sum = self.bridge.training.objective(model, inputs)
        assert loss_sum is not None  # training rows have labels
        loss = self.bridge.part(loss_sum) * self.accelerator.num_processes  # DDP averages; this makes it a sum
        return (loss, outputs) if return_outputs else loss

    def create_scheduler(self, *args: Any, **options: Any) -> Any:
        """The `Trainer` calls this with a new state, before it notes the first step: after a resume, not 0."""
        self.state.global_step = self.bridge.training.state.step
        return super().create_scheduler(*args, **options)

    def get_train_dataloader(self) -> DataLoader[Any]:
        return _TrainerLoader(self.bridge.training.loader(), self.bridge)  # type: ignore[return-value]  # only iterated and measured


class _TrainerLoader:
    """Hands the loader's micro-batches to the `Trainer` as the dictionaries that it expects."""

    def __init__(self, loader: DataLoader[MicroBatch], bridge: "_Bridge") -> None:
        self.dataset: Sequence[Any] = bridge.training.rows
        self._loader = loader
        self._bridge = bridge

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._loader:
            self._bridge.drawn.append(batch)
            yield batch.tensors


class _Bridge(TrainerCallback):
    """Collects the numbers of a step; called before the user's callbacks, to which it shows the state of the run."""

    def __init__(self, training: Training, randomness: RandomState) -> None:
        self.training = training
        self.drawn: list[MicroBatch] = []
        self.randomness = randomness  # that the step in progress began with
        self._norm: float | None = None  # as the `Trainer` logs it
        self._clipped: Tensor | None = None  # the norm of gradients that the `Trainer` does not clip
        self._amounts = [0, 0, 0]
        self._loss: Tensor | None = None
        self._healthy = torch.tensor(True)
        self._rate = 0.0

    @property
    def begins(self) -> bool:
        """Whether no micro-batch of the step was run yet."""
        return self._loss is None

    @property
    def group(self) -> Sequence[MicroBatch]:
        """The micro-batches of the step that begins: the `Trainer` loads all of them before it runs the first."""
        return self.drawn[: self.training.plan.parts]

    def part(self, loss_sum: Tensor) -> Tensor:
        """One micro-batch's share of the step's loss."""
        if self._loss is None:
            self._amounts = amounts(self.group)
            self.drawn = self.drawn[self.training.plan.parts :]
        part = loss_sum / torch.tensor(self._amounts[0], device=loss_sum.device)
        self._loss = part.detach() + (0 if self._loss is None else self._loss)
        return part

    def on_train_begin(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        begin(state, self.training)
        set_random_state(self.randomness, self.training.device)

    def on_step_begin(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        state.max_steps = self.training.total_steps  # they may be planned again
        self.randomness = random_state(self.training.device)

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        state.epoch = self.training.plan.epoch(state.global_step)

    def on_pre_optimizer_step(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        self._rate = float(self.training.scheduler.get_last_lr()[0])
        assert self._loss is not None
        self._loss = reduce(self._loss, "sum")  # each process divided its part by the labels of all processes
        if self.training.scaler is None:
            parameters, most = self.training.model.parameters(), self.training.recipe.max_grad_norm
            self._clipped, self._healthy = clip(self.training.optimizer, parameters, self._loss, most)
        else:
            self._healthy = torch.isfinite(self._loss)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if logs and "grad_norm" in logs:  # neither an evaluation nor the final summary
            self._norm = logs["grad_norm"]

    def step(self) -> Step | None:
        """The step that was logged last; None if it was returned before."""
        if self._norm is None or self._loss is None:
            return None
        tokens, padded_tokens = self._amounts[1:]
        self.training.advance(tokens, padded_tokens)
        norm = torch.tensor(self._norm) if self._clipped is None else self._clipped
        loss, self._loss, self._norm = self._loss, None, None
        return Step(self.training.state.step, loss, norm, self._rate, self._healthy, tokens, padded_tokens)


class _LastInLine(TrainerCallback):
    """Calls `on_step` after the user's callbacks were called, and heeds what they ask for.

    The `Trainer` sees a single epoch, the remaining steps, so the epochs of the run are announced here.
    """

    def __init__(self, trainer: Trainer, bridge: _Bridge, on_step: OnStep, relay: Relay) -> None:
        self._trainer, self._bridge, self._on_step, self._relay = trainer, bridge, on_step, relay
        self._asked = Asked()
        self._more_epochs = False

    def on_train_begin(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        self._relay.connect(self._trainer, self._bridge.training)
        self._asked.take(control)

    def _take(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        self._asked.take(control)

    on_epoch_begin = on_step_begin = on_substep_end = _take

    def on_epoch_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        self._asked.take(control)
        # Else the `Trainer` begins the same steps again; if more are planned now, another one runs them.
        control.should_training_stop = not self._more_epochs or state.global_step >= args.max_steps

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **_: Any) -> None:
        self._asked.take(control)
        training = self._bridge.training
        self._more_epochs = state.global_step < training.total_steps
        if self._more_epochs and state.global_step % training.plan.steps_per_epoch == 0:
            self._trainer.callback_handler.on_epoch_end(args, state, control)
            control.should_training_stop = False  # what the user's callbacks asked for was taken
        control.should_log = True  # `on_log` ends the step, whatever the user's callbacks think of it

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        step = self._bridge.step()
        if step is None:
            return
        training = self._bridge.training
        self._asked.take(control)
        evaluate, save = self._asked.heed(training)
        stop = self._on_step(replace(step, evaluate=evaluate, save=save))
        self._asked.take(control)
        self._more_epochs = not stop and step.step < training.total_steps
        if self._more_epochs and step.step % training.plan.steps_per_epoch == 0:
            self._trainer.callback_handler.on_epoch_begin(args, state, control)
        control.should_training_stop = not self._more_epochs
