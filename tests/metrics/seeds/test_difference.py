"""Differences over seeds and rows: how often their interval holds the truth, and what is said of few seeds."""

import numpy as np
import pytest

from luthier.arrays import FloatArray
from luthier.metrics.base import AnyMetric, ResampledMetric, average
from luthier.metrics.bootstrap import difference
from luthier.metrics.seeds.difference import seeds_difference

N = 100


def runs(*shares: float, seed: int = 0) -> list[AnyMetric]:
    """Right on a share of the rows, a run each."""
    draw = np.random.default_rng(seed)
    return [average("accuracy", (draw.random(N) < share).astype(float)) for share in shares]


def test_one_seed_each_cannot_tell() -> None:
    assert seeds_difference(runs(0.8), runs(0.6)) is None


def test_seeds_that_agree_leave_the_error_of_the_rows() -> None:
    a, b = runs(0.9, seed=1), runs(0.7, seed=2)
    found = seeds_difference(a * 3, b * 3)
    alone = difference(a[0], b[0])
    assert found is not None and found.value == pytest.approx(alone.value) and found.seeds_error == pytest.approx(0)
    assert alone.low is not None and alone.high is not None
    assert (found.low, found.high) == (pytest.approx(alone.low, abs=0.02), pytest.approx(alone.high, abs=0.02))


def test_seeds_that_differ_widen_the_interval() -> None:
    steady, moved = seeds_difference(runs(0.8, 0.8), runs(0.6, 0.6)), seeds_difference(runs(0.9, 0.7), runs(0.7, 0.5))
    assert steady is not None and moved is not None
    assert steady.low is not None and moved.low is not None and moved.low < steady.low
    assert (moved.seeds_error or 0) > (steady.seeds_error or 0)
    assert moved.to_dict().keys() == {"value", "low", "high", "n", "rows_error", "seeds_error", "seeds_needed"}


def test_the_interval_holds_no_difference_that_there_cannot_be() -> None:
    found = seeds_difference(runs(0.9, 0.1), runs(0.1, 0.9))
    assert found is not None and (found.low, found.high) == (-1, 1)


def test_a_side_with_one_seed_is_taken_to_vary_as_the_other() -> None:
    three, one = runs(0.9, 0.8, 0.7), runs(0.6, seed=3)
    found, back = seeds_difference(three, one), seeds_difference(one, three)
    assert found is not None and back is not None and found.value is not None
    assert back.value == pytest.approx(-found.value) and back.seeds_error == pytest.approx(found.seeds_error)
    sd = float(np.std([m.on(np.ones((1, N)))[0] for m in three], ddof=1))
    assert found.seeds_error == pytest.approx(sd * np.sqrt(1 / 3 + 1))


def test_equal_runs_differ_by_nothing_and_undefined_metrics_have_no_interval() -> None:
    same = runs(0.8)
    found = seeds_difference(same * 2, same * 2)
    assert found is not None and (found.value, found.low, found.high) == (0, 0, 0)
    never: list[AnyMetric] = [ResampledMetric("odd", N, lambda rows: float("nan"))] * 2
    undefined = seeds_difference(never, never, resamples=10)
    assert undefined is not None and (undefined.value, undefined.low, undefined.seeds_needed) == (None, None, None)


def test_three_seeds_hold_the_truth_as_often_as_is_said() -> None:
    """Rows of different difficulty, seeds of different luck, no true difference: 95 % of the intervals hold 0."""
    draw, holds, trials = np.random.default_rng(1), 0, 200

    def answers(difficulty: FloatArray) -> AnyMetric:
        luck = draw.normal(0, 0.25)
        return average("accuracy", (difficulty + luck + draw.normal(0, 0.7, N) > 0).astype(float))

    for _ in range(trials):
        difficulty = draw.normal(1.5, 1, N)
        a, b = ([answers(difficulty) for _ in range(3)] for _ in range(2))
        found = seeds_difference(a, b, resamples=100)
        assert found is not None and found.low is not None and found.high is not None
        holds += found.low <= 0 <= found.high
    assert 0.91 <= holds / trials <= 0.99
