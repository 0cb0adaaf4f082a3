"""How many optimizer steps fit into a time, with everything else that a run does."""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from luthier import processes
from luthier.errors import RecipeError
from luthier.recipe.durations import duration_of

RESERVE = 0.03  # share of the time that is not planned, for what takes longer than measured
SURPLUS = 1.1  # a time that is offered is longer than the least one by this factor
TRUSTED = 0.1  # share of the time that counts as run as planned, since a first step takes longer than others


@dataclass(frozen=True)
class Needs:
    """The seconds that each part of a run needs once its steps are planned.

    Args:
        begin: Before the first step.
        step: An optimizer step.
        between: The longest time between two looks at the clock during training.
        evaluation: An evaluation during training.
        checkpoint: Writing a checkpoint.
        end: After the training: the best weights, the final score, the export and the report.
    """

    begin: float
    step: float
    between: float
    evaluation: float
    checkpoint: float
    end: float


@dataclass(frozen=True)
class Times:
    """How often a training of so many steps does something; none of these falls with the steps.

    Args:
        evaluations: Evaluations.
        last_evaluations: Those from the last scheduled one on, which a training that is stopped needs too.
        checkpoints: Checkpoints.
    """

    evaluations: Callable[[int], int]
    last_evaluations: Callable[[int], int]
    checkpoints: Callable[[int], int]


@dataclass(frozen=True)
class TimePlan:
    """The steps of a training whose time is limited.

    Args:
        steps: Optimizer steps.
        seconds: Of the whole run, if everything takes as long as measured.
        needs: What was measured.
        fixed: Whether the steps are those of a recipe, so that they are never planned again.
    """

    steps: int
    seconds: float
    needs: Needs
    fixed: bool = False


@dataclass(frozen=True)
class SoFar:
    """How far a training with a limited time is.

    Args:
        total: Steps that are planned now.
        step: Steps done.
        done: Those of them in this start of the run.
        took: Seconds that these took, with their evaluations and checkpoints.
        left: Seconds left for the run.
        limit: Seconds for the whole run.
    """

    total: int
    step: int
    done: int
    took: float
    left: float
    limit: float

    def pace(self, needs: Needs, times: Times) -> float:
        """How much slower than measured the training is; a few steps say little."""
        trusted = TRUSTED * self.limit
        return (trusted + self.took) / (trusted + self.done * during(self.total, needs, times) / self.total)

    def is_late(self, needs: Needs, times: Times) -> bool:
        """Whether no time is left for another step; if steps are slower than measured, so is what comes after."""
        pace = self.pace(needs, times)
        next_look = min(needs.between, (self.total - self.step) * needs.step)
        last = times.last_evaluations(self.total) * needs.evaluation + times.checkpoints(1) * needs.checkpoint
        return self.left < pace * next_look + max(1.0, pace) * (last + needs.end)

    def fitting(self, needs: Needs, times: Times, asked: int) -> int:
        """The most steps, of those asked for, that fit at this pace; at least one more than are done."""
        pace = self.pace(needs, times)
        after = max(1.0, pace) * needs.end

        def seconds(total: int) -> float:
            return pace * (total - self.step) * during(total, needs, times) / total + after

        longer = range(self.step + 1, asked + 1)
        return self.step + max(1, bisect_right(longer, self.left - RESERVE * self.limit, key=seconds))


def during(steps: int, needs: Needs, times: Times) -> float:
    """Seconds of a training of so many steps, with its evaluations and checkpoints."""
    repeated = times.evaluations(steps) * needs.evaluation + times.checkpoints(steps) * needs.checkpoint
    return steps * needs.step + repeated


def plan_of(steps: int, used: float, needs: Needs, times: Times, *, fixed: bool = False) -> TimePlan:
    """The plan of a training of so many steps, whether they fit or not; arguments as in `plan_time`."""
    return TimePlan(steps, used + needs.begin + during(steps, needs, times) + needs.end, needs, fixed)


def plan_time(limit: float, used: float, needs: Needs, asked: int, times: Times) -> TimePlan:
    """Plan the most steps, of those asked for, that fit into a time.

    Args:
        limit: Seconds for the whole run.
        used: Seconds used so far.
        needs: What the rest needs.
        asked: Steps to plan at most.
        times: How often the parts of a training are done.
    Raises:
        RecipeError: Not even one step fits; the hint has a time that is enough.
    """

    def seconds(steps: int) -> float:
        return plan_of(steps, used, needs, times).seconds

    steps = bisect_right(range(1, asked + 1), (1 - RESERVE) * limit, key=seconds)
    if not steps:
        raise processes.alike(
            RecipeError(
                f"{duration_of(limit)} is too short: a run of a single step takes about"
                f" {duration_of(math.ceil(seconds(1)))} here, with its final score",
                where="training.max_time",
                hint=f"--max-time {duration_of(_offered(seconds(1)))} is enough for one step;"
                " a good model takes longer",
            )
        )
    return plan_of(steps, used, needs, times)


def _offered(least: float) -> int:
    """A round number of seconds above the least one and its reserve."""
    unit = 5 if least < 100 else 60
    return unit * math.ceil(SURPLUS * least / (1 - RESERVE) / unit)
