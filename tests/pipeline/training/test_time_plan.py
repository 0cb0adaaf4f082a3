"""Planning steps for a time: never more than fits or is asked for, and more in more time."""

import math
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from luthier.errors import RecipeError
from luthier.pipeline.training.time_plan import RESERVE, Needs, SoFar, TimePlan, Times, during, plan_time
from luthier.recipe.durations import seconds_of

SECONDS = st.floats(0, 1e4)
NEEDS = st.builds(Needs, SECONDS, st.floats(1e-4, 1e3), SECONDS, SECONDS, SECONDS, SECONDS)
EVERY = st.integers(1, 500)


def each(steps: int) -> Callable[[int], int]:
    """As an evaluation after so many steps, and after the last one."""
    return lambda total: math.ceil(total / steps)


def times(evaluations: int, checkpoints: int) -> Times:
    return Times(each(evaluations), lambda total: 1, each(checkpoints))


def planned(limit: float, used: float, needs: Needs, asked: int, every: int) -> TimePlan | None:
    try:
        return plan_time(limit, used, needs, asked, times(every, every))
    except RecipeError:
        return None


@given(st.floats(1, 1e6), SECONDS, NEEDS, st.integers(1, 10**6), EVERY)
def test_what_is_planned_fits_and_one_more_step_would_not(
    limit: float, used: float, needs: Needs, asked: int, every: int
) -> None:
    plan = planned(limit, used, needs, asked, every)
    assume(plan is not None)
    assert plan is not None
    assert 1 <= plan.steps <= asked
    assert used <= plan.seconds <= (1 - RESERVE) * limit
    if plan.steps < asked:
        repeated = each(every)(plan.steps + 1) * (needs.evaluation + needs.checkpoint)
        one_more = used + needs.begin + (plan.steps + 1) * needs.step + repeated + needs.end
        assert one_more > (1 - RESERVE) * limit


@given(st.floats(1, 1e6), st.floats(1, 10), SECONDS, NEEDS, st.integers(1, 10**6), EVERY)
def test_more_time_is_never_for_fewer_steps(
    limit: float, factor: float, used: float, needs: Needs, asked: int, every: int
) -> None:
    less, more = (planned(time, used, needs, asked, every) for time in (limit, factor * limit))
    assert (less.steps if less else 0) <= (more.steps if more else 0)


@given(st.floats(1, 1e6), SECONDS, NEEDS, EVERY)
def test_the_time_that_is_offered_is_enough(limit: float, used: float, needs: Needs, every: int) -> None:
    try:
        plan_time(limit, used, needs, 1000, times(every, every))
    except RecipeError as error:
        offered = seconds_of(error.hint.split()[1])
        assert offered > limit * (1 - RESERVE)
        assert plan_time(offered, used, needs, 1000, times(every, every)).steps >= 1


def test_a_time_too_short_says_what_a_step_takes() -> None:
    needs = Needs(begin=1, step=2, between=2, evaluation=3, checkpoint=1, end=8)
    with pytest.raises(RecipeError) as caught:
        plan_time(10, 5, needs, 100, times(10, 10))
    assert caught.value.what == "10s is too short: a run of a single step takes about 20s here, with its final score"
    assert caught.value.where == "training.max_time"
    assert caught.value.hint == "--max-time 25s is enough for one step; a good model takes longer"


@pytest.mark.parametrize(
    ("left", "took", "late"),
    [
        (17.0, 200.0, False),  # as planned: a step, an evaluation, a checkpoint and the end take 16 s
        (15.8, 200.0, True),
        (15.1, 100.0, False),  # faster than planned, by half of a step
        (14.9, 100.0, True),  # but the end may not be
        (20.0, 300.0, True),  # slower by a factor of (32 + 300) / (32 + 223)
        (20.9, 300.0, False),
    ],
)
def test_a_training_is_late_when_the_rest_is_needed(left: float, took: float, late: bool) -> None:
    needs, often = Needs(1, 2, 2, 4, 1, 9), times(20, 40)
    assert plan_time(322, 0, needs, 120, often) == TimePlan(steps=120, seconds=277, needs=needs)
    assert SoFar(total=120, step=100, done=100, took=took, left=left, limit=320).is_late(needs, often) is late


@pytest.mark.parametrize(("step", "rest"), [(100, 34), (110, 34), (111, 32), (119, 16)])
def test_the_last_step_is_not_given_the_time_of_ten(step: int, rest: float) -> None:
    """As with `logging_steps = 10` on a GPU."""
    needs, often = Needs(1, 2, 20, 4, 1, 9), times(20, 40)
    late = [SoFar(120, step, 0, 0.0, left, 320).is_late(needs, often) for left in (rest - 0.1, rest)]
    assert late == [True, False]


def test_what_comes_after_has_the_evaluations_after_all_planned_steps() -> None:
    """As with `average_best = 3`: the last scheduled evaluation, and one of each of the best checkpoints."""

    def last(total: int) -> int:
        return 1 + min(3, each(20)(total))

    needs, of_best = Needs(1, 2, 2, 4, 1, 9), Times(lambda total: each(20)(total) - 1 + last(total), last, each(40))
    for total, rest in ((2, 20), (40, 24), (120, 28)):
        late = [SoFar(total, 1, 0, 0.0, left, 600).is_late(needs, of_best) for left in (rest - 0.1, rest)]
        assert late == [True, False]


@given(st.integers(1, 999), st.floats(0, 1e4), st.floats(0, 1e4), NEEDS, st.integers(1000, 10**6), EVERY)
def test_the_steps_planned_again_fit_at_the_pace_seen_and_one_more_would_not(
    step: int, took: float, left: float, needs: Needs, asked: int, every: int
) -> None:
    often, now = times(every, every), SoFar(1000, step, step, took, left, 1e4)
    pace, total = now.pace(needs, often), now.fitting(needs, often, asked)

    def fits(steps: int) -> bool:
        rest = pace * (steps - step) * during(steps, needs, often) / steps
        return rest + max(1.0, pace) * needs.end <= left - RESERVE * 1e4

    assert step < total <= asked
    assert total == step + 1 or fits(total)
    assert total == asked or not fits(total + 1) or not fits(step + 1)


@pytest.mark.parametrize(("took", "total"), [(446.0, 500), (223.0, 700), (892.0, 367)])
def test_as_many_steps_fit_as_the_pace_so_far_allows(took: float, total: int) -> None:
    """200 of 500 steps, in 446 s if as planned; half as many seconds, or twice as many, count with 112 s as planned."""
    needs, often = Needs(begin=0, step=2, between=2, evaluation=4, checkpoint=1, end=0), times(20, 40)
    now = SoFar(total=500, step=200, done=200, took=took, left=669 + RESERVE * 1115, limit=1115)
    assert now.fitting(needs, often, 2000) == pytest.approx(total, rel=0.01)
