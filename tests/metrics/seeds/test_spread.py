"""Means over seeds, beside SciPy's; and how many seeds a difference needs, beside a simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from luthier.metrics.seeds.spread import MOST_SEEDS, Spread, Uncertainty, seeds_needed, spread

VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=8)


@given(VALUES)
def test_the_interval_is_that_of_scipy(values: list[float]) -> None:
    found = spread(values)
    assert found.mean == pytest.approx(np.mean(values)) and found.sd == pytest.approx(np.std(values, ddof=1))
    if len(set(values)) == 1:
        assert (found.low, found.high) == (None, None), "equal values cannot tell how much others would vary"
    elif np.std(values) > 1e-6:
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert Spread.of(found.to_dict()) == found


def test_undefined_values_are_left_out_and_counted() -> None:
    found = spread([0.5, None, 0.7])
    assert (found.mean, found.n_seeds, found.values) == (pytest.approx(0.6), 2, (0.5, None, 0.7))
    assert spread([None, 0.5]) == Spread(0.5, None, None, None, 1, (None, 0.5))
    assert spread([None]).mean is None


def test_the_interval_ends_where_the_metric_does() -> None:
    values = [0.98, 1.0, 0.9]
    free, cut = spread(values), spread(values, (0.0, 1.0))
    assert free.high is not None and free.high > 1 and (cut.low, cut.high) == (free.low, 1.0)
    assert spread([0.5, 0.01], (0.0, None)).low == 0.0


def error(rows: float, sd: float, n: int = 3) -> Uncertainty:
    return Uncertainty(rows, 1000, ((sd, n), (sd, n)), (n - 1, n - 1))


def test_without_rows_the_freedom_is_that_of_welch() -> None:
    a, b = [0.8, 0.9, 0.85], [0.7, 0.75, 0.79, 0.72]
    sides = ((float(np.std(a, ddof=1)), 3), (float(np.std(b, ddof=1)), 4))
    welch = stats.ttest_ind(a, b, equal_var=False)
    found = Uncertainty(0.0, 1, sides, (2, 3))
    assert found.freedom == pytest.approx(welch.df)
    gap, (low, high) = np.mean(a) - np.mean(b), welch.confidence_interval(0.95)
    assert (gap - found.half_width(), gap + found.half_width()) == pytest.approx((low, high))


@pytest.mark.parametrize(("gap", "sd"), [(0.02, 0.01), (0.01, 0.01), (0.05, 0.01)])
def test_so_many_seeds_see_the_difference_with_a_probability_of_four_fifths(gap: float, sd: float) -> None:
    n = seeds_needed(gap, error(0.0, sd))
    assert n is not None
    draw, power = np.random.default_rng(0), {}
    for k in (n - 1, n):
        if k > 1:
            a, b = draw.normal(gap, sd, (4000, k)), draw.normal(0, sd, (4000, k))
            power[k] = float((stats.ttest_ind(a, b, axis=1).pvalue < 0.05).mean())
    assert power[n] > 0.77 and power.get(n - 1, 0) < 0.83


def test_rows_that_are_too_few_are_not_mended_by_seeds() -> None:
    assert seeds_needed(0.01, error(0.02, 0.001)) is None
    assert seeds_needed(0.0, error(0.0, 0.01)) is None
    more = seeds_needed(0.02, error(0.005, 0.01))
    fewer = seeds_needed(0.02, error(0.0, 0.01))
    assert more is not None and fewer is not None and more > fewer
    assert seeds_needed(0.02, error(0.0, 0.0)) == 2
    assert seeds_needed(0.02 / 40, error(0.0, 0.01)) is None or MOST_SEEDS > 1000
