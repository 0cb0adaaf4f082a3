"""Events during training. Listeners only read; one that returns a `Stop` ends it, a time limit changes its steps."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from luthier.errors import UsageError, nearest

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from luthier.engines.trainer_callbacks import Relay

Name = Literal["step", "evaluation", "checkpoint", "micro_batch", "end"]


@dataclass(frozen=True)
class Stop:
    """Return value of a listener that stops the training after this step.

    Args:
        reason: Why.
        evaluate: Whether the weights of this step are evaluated too, so that they can be the best ones (event `step`).
    """

    reason: str
    evaluate: bool = False


@dataclass(frozen=True)
class Replan:
    """Return value of a listener that lets the training end with another step, later than this one."""

    total_steps: int


@dataclass(frozen=True)
class StepNumbers:
    """The numbers of one optimizer step (event `step`)."""

    step: int
    epoch: float
    total_steps: int
    loss: float
    grad_norm: float
    learning_rate: float
    tokens_per_second: float


@dataclass(frozen=True)
class EvaluationNumbers:
    """The metrics of one evaluation on the validation rows (event `evaluation`).

    Args:
        step: Its step.
        epoch: Its epoch.
        metrics: The metrics; those of the EMA weights as `ema_accuracy`, if the recipe keeps them.
        best: Whether the raw weights are the best so far.
        ema_best: Whether the EMA weights are the best EMA weights so far.
        near: Whether `best` is due to the tolerance: others have a better metric.
    """

    step: int
    epoch: float
    metrics: Mapping[str, float]
    best: bool
    ema_best: bool = False
    near: bool = False


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint was saved (event `checkpoint`)."""

    step: int
    path: Path


@dataclass(frozen=True)
class MicroBatchHalved:
    """A step ran out of memory, and begins again with smaller micro-batches (event `micro_batch`).

    Args:
        step: The step.
        before: Rows of a micro-batch until then.
        rows: Rows of a micro-batch from now on.
        parts: Micro-batches per process and step from now on.
    """

    step: int
    before: int
    rows: int
    parts: int


@dataclass(frozen=True)
class TrainingEnded:
    """The training has ended (event `end`)."""

    step: int
    reason: str


Event = StepNumbers | EvaluationNumbers | CheckpointSaved | MicroBatchHalved | TrainingEnded
Listener = Callable[..., Stop | Replan | None]
Callback: TypeAlias = "tuple[Name, Listener] | TrainerCallback | type[TrainerCallback]"


@dataclass
class Events:
    """Listeners by event, each with how often it is called.

    Args:
        relay: The user's `TrainerCallback`s, for the engine `trainer`.
    """

    relay: "Relay | None" = None
    _listeners: dict[str, list[tuple[Listener, int]]] = field(default_factory=dict)

    @classmethod
    def listening(cls, callbacks: Sequence[Callback]) -> "Events":
        """Make the events with callbacks given as (name, listener) or as `TrainerCallback`s.

        Raises:
            UsageError: As in `on`, or a callback is neither.
        """
        events, others = cls(), []
        for callback in callbacks:
            if isinstance(callback, tuple | list) and len(callback) == 2:
                events.on(*callback)
            else:
                others.append(callback)
        if others:
            # It loads transformers, which no listener of our own needs.
            from luthier.engines.trainer_callbacks import Relay, as_callback

            found = [as_callback(value) for value in others]
            if None in found:
                raise UsageError(
                    "a callback is a pair of event name and function, or a TrainerCallback",
                    where=repr(others[found.index(None)]),
                    hint='callbacks=[("step", function)]',
                )
            events.relay = Relay([callback for callback in found if callback is not None])
            events.on("evaluation", events.relay)
            events.on("checkpoint", events.relay)
        return events

    def check_engine(self, engine: str) -> None:
        """Check that an engine calls these callbacks.

        Raises:
            UsageError: There are `TrainerCallback`s, and the engine is not the `Trainer`.
        """
        if self.relay is not None and engine != "trainer":
            raise UsageError(
                f"the engine {engine} cannot call a TrainerCallback",
                where=", ".join(type(callback).__name__ for callback in self.relay.callbacks),
                hint='add engine="trainer", or listen to events in any engine: callbacks=[("evaluation", function)]',
            )

    def on(self, name: Name, listener: Listener, *, every: int = 1) -> None:
        """Add a listener to an event.

        Args:
            name: `step`, `evaluation`, `checkpoint`, `micro_batch` or `end`.
            listener: Called with the event as its only argument; may return a `Stop`.
            every: For `step`: only on steps that are a multiple of this.
        Raises:
            UsageError: No such event, or the listener does not take one argument; raised now, not at step 10,000.
        """
        if name not in get_args(Name):
            raise UsageError(f"no event {name!r}", hint=nearest(str(name), get_args(Name)))
        try:
            inspect.signature(listener).bind(None)
        except TypeError:
            raise UsageError(
                f"a listener of {name!r} must take one argument, the event",
                where=getattr(listener, "__qualname__", repr(listener)),
                hint="def listener(event): ...",
            ) from None
        self._listeners.setdefault(name, []).append((listener, max(1, every)))

    def emit(self, name: Name, event: Event) -> Stop | Replan | None:
        """Call the listeners of an event in the order they were added, and return the first `Stop`, or `Replan`."""
        wishes = []
        for listener, every in self._listeners.get(name, []):
            if name == "step" and event.step % every:
                continue
            wishes.append(listener(event))
        return next((wish for kind in (Stop, Replan) for wish in wishes if isinstance(wish, kind)), None)
