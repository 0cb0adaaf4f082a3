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
TRUSTED = 0.1  # share of the planned time that counts as run as planned, since a first step takes longer than others


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
        step: Seconds of a step.
        rest: Seconds that the run needs if it goes on to the next look at the clock, and stops then.
    """

    steps: int
    seconds: float
    step: float
    rest: float

    def ends(self, left: float, steps: int, seconds: float) -> bool:
        """Whether a training has no time for further steps.

        Args:
            left: Seconds left for the run.
            steps: Steps that were done.
            seconds: Seconds that they took. If this is more than planned, so is what the end of the run needs.
        """
        trusted = TRUSTED * self.seconds
        pace = max(1.0, (trusted + seconds) / (trusted + steps * self.step))
        return left < pace * self.rest


def plan_of(steps: int, used: float, needs: Needs, times: Times) -> TimePlan:
    """The plan of a training of so many steps, whether they fit or not; arguments as in `plan_time`."""
    repeated = times.evaluations(steps) * needs.evaluation + times.checkpoints(steps) * needs.checkpoint
    last = times.last_evaluations(steps) * needs.evaluation + times.checkpoints(1) * needs.checkpoint
    seconds = used + needs.begin + steps * needs.step + repeated + needs.end
    return TimePlan(steps, seconds, needs.step, needs.between + last + needs.end)


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
