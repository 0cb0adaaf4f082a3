"""The time limit of a run during training: steps are planned again by the pace so far, and the run ends in time."""

from luthier.console import Console
from luthier.engines.base import Training
from luthier.engines.events import EvaluationNumbers, Events, Replan, StepNumbers, Stop
from luthier.pipeline.training.time_limit import TimeLimit, times_of
from luthier.pipeline.training.time_plan import SoFar
from luthier.run_directory.run import OUT_OF_TIME
from luthier.storage.atomic import write_text
from luthier.text import count, duration

EVERY = 0.1  # share of the steps after which they are planned again
CHANGE = 0.03  # share of the steps: smaller changes are left


def watch_time(limit: TimeLimit, training: Training, events: Events, console: Console) -> None:
    """Plan the steps of a training again as the time left allows, and stop it once that is needed to end the run.

    What the recipe says was planned again is done after the same steps. If the recipe had its steps before the run,
    nothing else is.

    Args:
        limit: The time of the run.
        training: The training, before its first step in this process.
        events: Those of the training.
        console: Receives what is planned again.
    """
    watch = _Watch(limit, training, console)
    events.on("step", watch)
    events.on("evaluation", watch)


class _Watch:
    """A listener that looks at the clock after each step and evaluation."""

    def __init__(self, limit: TimeLimit, training: Training, console: Console) -> None:
        self._limit, self._training, self._console = limit, training, console
        self._recipe, self._per_epoch = training.recipe, training.plan.steps_per_epoch
        self._times = times_of(self._recipe, self._per_epoch)
        self._began = limit.used
        self._first = training.state.step
        self._planned_at = max((after for after, _ in self._recipe.replanned if after <= self._first), default=0)
        self._evaluated = False  # since then

    def __call__(self, event: StepNumbers | EvaluationNumbers) -> Stop | Replan | None:
        limit, step, total, used = self._limit, self._training.state.step, self._training.total_steps, self._limit.used
        if not 0 < step < total:
            return None
        self._evaluated = self._evaluated or isinstance(event, EvaluationNumbers)
        now = SoFar(total, step, step - self._first, used - self._began, limit.seconds - used, limit.seconds)
        if now.is_late(limit.plan.needs, self._times):
            return Stop(OUT_OF_TIME.format(self._recipe.max_time), evaluate=True)
        known = self._recipe.total_steps(self._per_epoch, step)
        if known != total:
            return Replan(known)
        if not self._is_due(event, step, total):
            return None
        self._planned_at, self._evaluated = step, False
        return self._plan(now)

    def _is_due(self, event: StepNumbers | EvaluationNumbers, step: int, total: int) -> bool:
        """Whether to plan again: after the first step that tells what an evaluation and its checkpoint have taken."""
        if self._limit.plan.fixed or any(after > step for after, _ in self._recipe.replanned):
            return False
        share = EVERY if self._evaluated else 2 * EVERY  # some trainings evaluate less often, or never
        return isinstance(event, StepNumbers) and step - self._planned_at >= share * total

    def _plan(self, now: SoFar) -> Replan | None:
        """Plan again, note it in the recipe, and say it."""
        fitting = now.fitting(self._limit.plan.needs, self._times, self._recipe.asked_steps(self._per_epoch))
        if abs(fitting - now.total) <= max(1, CHANGE * now.total):
            return None
        self._recipe.replanned.append((now.step, fitting))
        write_text(self._limit.run.recipe_file, self._limit.recipe.to_toml())
        steps = f"{count(fitting)} steps instead of {count(now.total)}"
        self._console.say(f"max_time {self._recipe.max_time}: {steps}, as {duration(now.left)} are left")
        return Replan(fitting)
