"""The score against the number of rows: intervals, what is extrapolated, and when nothing is."""

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.learning_curves.data_size import WORTH, DataSizes, Estimate, Scale

ROWS = (100, 250, 500, 1000)
SHARE = Scale(greater_is_better=True, best=1.0)
Error = Callable[[float], float]


def falling(n: float) -> float:
    return 0.05 + 1.2 * n**-0.35


def made(
    error: Error = falling,
    *,
    noise: float = 0.0,
    held_out: float = 0.002,
    rows: Sequence[int] = ROWS,
    repeats: int = 3,
    seed: int = 0,
    scale: Scale = SHARE,
) -> DataSizes:
    """Scores of several runs of each size and one of the largest; the noise is that of a run on the most rows."""
    rng = np.random.default_rng(seed)
    runs = [repeats] * (len(rows) - 1) + [1]
    sizes = np.repeat(rows, runs)
    covariance = held_out**2 * (0.7 + 0.3 * np.eye(len(sizes)))
    drawn = rng.multivariate_normal(np.zeros(len(sizes)), covariance * bool(noise))
    drawn += rng.normal(size=len(sizes)) * noise * np.sqrt(rows[-1] / sizes)
    # Without noise, a spread that leaves every mean as it is.
    spread = np.concatenate([1e-4 * (np.arange(n) - (n - 1) / 2) for n in runs])
    errors = np.maximum([error(float(n)) for n in sizes] + drawn, 2e-4) + spread
    values = iter((1 - errors if scale.greater_is_better else errors).tolist())
    return DataSizes(rows, [[next(values) for _ in range(n)] for n in runs], covariance, scale)


def test_twice_the_rows_are_extrapolated_by_the_law_that_made_the_scores() -> None:
    found = made()
    assert found.verdict == "more" and not found.undetermined
    for times in (2, 4):
        gain, score = found.gain(times), found.score(times * 1000)
        assert gain.value == pytest.approx(falling(1000) - falling(times * 1000), abs=0.003)
        assert score.value == pytest.approx(1 - falling(times * 1000), abs=0.003)
        assert gain.low < gain.value < gain.high and score.low < score.value < score.high
    assert found.gain(4).value > found.gain(2).value


def test_intervals_of_gains_cover_the_truth_as_often_as_they_say() -> None:
    truth, covered, told = falling(1000) - falling(2000), 0, 0
    for seed in range(60):
        found = made(noise=0.006, held_out=0.008, seed=seed)
        if not found.undetermined:
            told += 1
            covered += found.gain(2).low <= truth <= found.gain(2).high
    assert told >= 50 and covered >= 0.87 * told


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_an_interval_holds_its_value_and_keeps_to_the_bounds(seed: int) -> None:
    found = made(lambda n: 0.4 / n, noise=0.004, held_out=0.004, seed=seed)
    for one in [*found.intervals, found.score(2000), found.score(4000)]:
        assert one.low <= one.value <= one.high <= 1
    if not found.undetermined:
        assert found.gain(2).low >= -1e-9


def test_the_spread_between_runs_is_pooled_as_one_that_falls_with_the_rows() -> None:
    scores = [[0.5, 0.7], [0.6, 0.8], [0.8]]
    found = DataSizes([100, 400, 800], scores, np.zeros((5, 5)), SHARE)
    pooled = (100 * 0.02 + 400 * 0.02) / 2  # variances of two runs, times their rows
    assert found.run_variance == pytest.approx([pooled / 100 / 2, pooled / 400 / 2, pooled / 800])
    assert found.freedom == 2 and found.mostly_runs()
    assert found.last_step.value == pytest.approx(0.1) and found.rise.value == pytest.approx(0.2)


def test_held_out_rows_that_all_runs_share_cancel_in_a_difference() -> None:
    together = DataSizes([10, 20], [[0.5, 0.5], [0.6]], np.full((3, 3), 0.01), SHARE)
    assert together.held_out_variance == pytest.approx(np.full((2, 2), 0.01))
    assert together.last_step == Estimate(*[pytest.approx(0.1)] * 3)
    assert together.intervals[0].high == pytest.approx(0.5 + 12.7062 * 0.1, abs=1) and together.intervals[0].high <= 1


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        (made(rows=(250, 500, 1000)), "few-sizes"),
        (made(repeats=1), "no-repeats"),
        (DataSizes(ROWS, [[0.9, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0]], 0.02**2 * np.eye(7), SHARE), "no-errors"),
        (made(lambda n: falling(n) + 0.1 * (n == 500)), "misfit"),
        (made(lambda n: falling(1000 - n + 100), held_out=0.001), "misfit"),
        (made(lambda n: 0.15, held_out=0.03), "no-rise"),
        (made(lambda n: 0.02 + 3 * n**-0.4, noise=0.03, held_out=0.01, seed=7), "wide"),
    ],
)
def test_where_the_scores_do_not_tell_nothing_is_extrapolated(sizes: DataSizes, why: str) -> None:
    assert sizes.undetermined == why and sizes.verdict == "unclear"
    told = sizes.to_dict()
    assert (told["undetermined"], told["fit"], told["extrapolated"]) == (why, None, [])


def test_a_flat_curve_with_narrow_intervals_says_that_more_rows_hardly_help() -> None:
    found = made(lambda n: 0.15, held_out=0.002)
    assert found.verdict == "enough" and found.gain(2).high < WORTH


def test_a_metric_that_falls_is_extrapolated_downwards_and_no_further_than_its_best() -> None:
    lower = Scale(greater_is_better=False, best=0.0)
    found = made(lambda n: 10 * falling(n), held_out=0.02, scale=lower)
    assert found.verdict == "more" and found.worth == pytest.approx(WORTH * 10 * falling(1000), abs=1e-3)
    assert 0 <= found.score(2000).value < found.values[-1] and found.gain(2).value > 0
    none = Scale(greater_is_better=True, best=None)
    assert none.floor == -math.inf and made(scale=none).gain(2).value > 0


def test_what_json_prints_has_fixed_names() -> None:
    told = made().to_dict()
    assert [sorted(size) for size in told["sizes"]] == [["high", "low", "rows", "runs", "value"]] * 4
    assert [size["runs"] for size in told["sizes"]] == [3, 3, 3, 1]
    assert sorted(told["fit"]) == ["a", "b", "c", "p"]
    a, b, c = (told["fit"][name] for name in "abc")
    assert [1 - a - b * n**-c for n in ROWS] == pytest.approx([size["value"] for size in told["sizes"]], abs=2e-3)
    assert [one["rows"] for one in told["extrapolated"]] == [2000, 4000]
    assert sorted(told["extrapolated"][0]["gain"]) == ["high", "low", "value"]
    json.dumps(told, allow_nan=False)
