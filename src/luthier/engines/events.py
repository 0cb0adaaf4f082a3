"""Events during training. Listeners only read; to stop the training, they return a `Stop`."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from luthier.errors import UsageError, nearest

Name = Literal["step", "evaluation", "checkpoint", "end"]


@dataclass(frozen=True)
class Stop:
    """Return value of a listener that stops the training after this step."""

    reason: str


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
    """The metrics of one evaluation on the validation rows (event `evaluation`)."""

    step: int
    epoch: float
    metrics: Mapping[str, float]
    best: bool


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint was saved (event `checkpoint`)."""

    step: int
    path: Path


@dataclass(frozen=True)
class TrainingEnded:
    """The training has ended (event `end`)."""

    step: int
    reason: str


Event = StepNumbers | EvaluationNumbers | CheckpointSaved | TrainingEnded
Listener = Callable[..., Stop | None]


@dataclass
class Events:
    """Listeners by event, each with how often it is called."""

    _listeners: dict[str, list[tuple[Listener, int]]] = field(default_factory=dict)

    @classmethod
    def listening(cls, callbacks: Sequence[tuple[Name, Listener]]) -> "Events":
        """Make the events with callbacks given as (name, listener).

        Raises:
            UsageError: As in `on`, or a callback is not a pair.
        """
        events = cls()
        for pair in callbacks:
            try:
                name, listener = pair
            except (TypeError, ValueError):
                hint = 'callbacks=[("step", function)]'
                what = "a callback is a pair of event name and function"
                raise UsageError(what, where=repr(pair), hint=hint) from None
            events.on(name, listener)
        return events

    def on(self, name: Name, listener: Listener, *, every: int = 1) -> None:
        """Add a listener to an event.

        Args:
            name: `step`, `evaluation`, `checkpoint` or `end`.
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

    def emit(self, name: Name, event: Event) -> Stop | None:
        """Call the listeners of an event in the order they were added, and return the first `Stop`, if any."""
        wish = None
        for listener, every in self._listeners.get(name, []):
            if name == "step" and event.step % every:
                continue
            answer = listener(event)
            wish = wish or (answer if isinstance(answer, Stop) else None)
        return wish
