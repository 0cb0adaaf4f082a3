"""`TrainerCallback`s of the Hugging Face `Trainer`, told of the evaluations and checkpoints of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainerControl, TrainerState

from luthier import processes
from luthier.engines.base import Training
from luthier.engines.events import CheckpointSaved, EvaluationNumbers, Stop
from luthier.errors import UsageError

STOPPED = "a TrainerCallback asked to stop"
_STOP, _EVALUATE, _SAVE = _FLAGS = ("should_training_stop", "should_evaluate", "should_save")


def as_callback(value: object) -> TrainerCallback | None:
    """A `TrainerCallback`, from an instance or a class of it; None for any other value.

    Raises:
        UsageError: Luthier does this itself.
    """
    made = value() if isinstance(value, type) and issubclass(value, TrainerCallback) else value
    if isinstance(made, EarlyStoppingCallback):
        patience = made.early_stopping_patience
        raise UsageError(
            "EarlyStoppingCallback loses its count when a run is resumed",
            where="callbacks",
            hint=f"use the setting early_stopping_patience={patience} instead",
        )
    return made if isinstance(made, TrainerCallback) else None


@dataclass
class Relay:
    """A listener that passes evaluations and checkpoints on to the user's callbacks, once there is a trainer."""

    callbacks: Sequence[TrainerCallback] = ()
    _trainer: Trainer | None = None
    _training: Training | None = None
    _waiting: list[EvaluationNumbers | CheckpointSaved] = field(default_factory=list)

    def connect(self, trainer: Trainer, training: Training) -> None:
        """Pass events on to the callbacks of a trainer, beginning with those before its first step."""
        self._trainer, self._training = trainer, training
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self(event)

    def __call__(self, event: EvaluationNumbers | CheckpointSaved) -> Stop | None:
        trainer, training = self._trainer, self._training
        if trainer is None or training is None:
            self._waiting.append(event)
            return None
        handler, args, state, control = trainer.callback_handler, trainer.args, trainer.state, trainer.control
        if isinstance(event, EvaluationNumbers):
            metrics = {f"eval_{name}": value for name, value in event.metrics.items()}
            trainer.log(metrics)  # adds the epoch
            control = handler.on_evaluate(args, state, control, metrics)
            state.best_metric, state.best_global_step = training.state.best_value, training.state.best_step
        else:
            save: Any = handler.on_save
            control = save(args, state, control, checkpoint=event.path)
        early = training.state.step < training.total_steps
        return Stop(STOPPED) if control.should_training_stop and early else None


class Asked:
    """What callbacks ask for through the `TrainerControl`; the engine heeds it at the end of a step."""

    def __init__(self) -> None:
        self._flags: set[str] = set()

    def take(self, control: TrainerControl) -> None:
        """Note the flags of a control, and clear them, so that the `Trainer` itself neither stops nor saves.

        Raises:
            UsageError: A callback asks to end the epoch.
        """
        if control.should_epoch_stop:
            raise UsageError(
                "a TrainerCallback set control.should_epoch_stop, but the rows of every step are planned",
                where="callbacks",
                hint="set control.should_training_stop, or train on fewer rows",
            )
        for name in _FLAGS:
            if getattr(control, name):
                self._flags.add(name)
                setattr(control, name, False)

    def heed(self, training: Training) -> tuple[bool, bool]:
        """Whether to evaluate and to save after this step, as asked in process 0; a stop is noted in the training."""
        flags = processes.on_main(lambda: self._flags)
        self._flags = set()
        if _STOP in flags and training.state.step < training.total_steps:
            training.state.stopped = training.state.stopped or STOPPED
        return _EVALUATE in flags, _SAVE in flags


def begin(state: TrainerState, training: Training) -> None:
    """Set the state that callbacks see to that of the run, which may be a resumed one."""
    state.epoch = training.plan.epoch(training.state.step)
    state.num_train_epochs = -int(-training.plan.epoch(training.total_steps) // 1)
    state.best_metric, state.best_global_step = training.state.best_value, training.state.best_step
