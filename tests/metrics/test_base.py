"""Metrics on resamples, by summed statistics and by recomputation, and the bounds of their intervals."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from luthier.arrays import FloatArray, IntArray
from luthier.metrics.base import Bounds, Metric, ResampledMetric, average, bounds_of, mean, ratio

VALUES = np.array([1.0, 2.0, 6.0])
# Each row once; the second row three times; no rows; the first row twice and the third once.
COUNTS = np.array([[1, 1, 1], [0, 3, 0], [0, 0, 0], [2, 0, 1]], dtype=np.float64)


def test_a_mean_is_computed_over_the_rows_of_each_resample() -> None:
    metric = mean("words", VALUES, greater_is_better=False)
    assert (metric.name, metric.n, metric.greater_is_better, metric.max_resamples) == ("words", 3, False, None)
    np.testing.assert_array_equal(metric.on(COUNTS), [3.0, 2.0, math.nan, 8 / 3])
    hits = average("hits", np.array([True, False]))
    assert hits.on(np.ones((1, 2))).tolist() == [0.5] and hits.greater_is_better is True


def test_statistics_are_summed_over_each_resample() -> None:
    statistics = np.array([[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]])
    metric = Metric("both", statistics, lambda sums: sums[..., 0] + sums[..., 1])
    assert metric.sums(COUNTS).tolist() == [[9, 90], [6, 60], [0, 0], [8, 80]]
    assert metric.on(COUNTS).tolist() == [99, 66, 0, 88]


@given(st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=1, max_size=8), st.integers(0, 2**31))
def test_sparse_and_dense_statistics_give_equal_values(rows: list[list[int]], seed: int) -> None:
    dense = np.array(rows, dtype=np.float64)
    counts = np.random.default_rng(seed).integers(0, 4, (5, len(rows))).astype(np.float64)

    def difference(sums: FloatArray) -> FloatArray:
        return sums[..., 0] - sums[..., 1]

    full, sparse = Metric("d", dense, difference), Metric("d", csr_array(dense), difference)
    assert isinstance(sparse.sums(counts), np.ndarray)
    assert sparse.n == full.n == len(rows)
    np.testing.assert_array_equal(sparse.on(counts), full.on(counts))


def test_a_function_receives_each_row_as_often_as_it_was_drawn() -> None:
    seen: list[list[int]] = []

    def largest(rows: IntArray) -> float:
        seen.append(rows.tolist())
        return float(VALUES[rows].max()) if len(rows) else math.nan

    metric = ResampledMetric("largest", 3, largest)
    np.testing.assert_array_equal(metric.on(COUNTS), [6.0, 2.0, math.nan, 6.0])
    assert seen == [[0, 1, 2], [1, 1, 1], [], [0, 0, 2]]
    assert (metric.greater_is_better, metric.max_resamples) == (True, None)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=10), st.data())
def test_summed_statistics_and_recomputation_agree(values: list[float], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.integers(0, 5), min_size=len(values), max_size=len(values)).filter(any))
    array, counts = np.array(values), np.array([drawn], dtype=np.float64)
    summed = mean("mean", array, greater_is_better=True)
    again = ResampledMetric("mean", len(values), lambda rows: float(array[rows].mean()))
    assert summed.on(counts)[0] == pytest.approx(again.on(counts)[0], abs=1e-9)


def test_a_ratio_with_a_denominator_of_0_is_empty_without_a_warning() -> None:
    tops, bottoms = np.array([1.0, 0.0, 5.0, -2.0]), np.array([2.0, 0.0, 0.0, 4.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(ratio(tops, bottoms), [0.5, math.nan, math.nan, -0.5])
        np.testing.assert_array_equal(ratio(tops, bottoms, empty=0.0), [0.5, 0.0, 0.0, -0.5])
        assert ratio(np.array(3.0), np.array(4.0)) == 0.75


def test_the_mean_of_no_examples_is_undefined() -> None:
    metric = average("nothing", np.array([]))
    assert metric.n == 0
    assert math.isnan(metric.on(np.ones((1, 0)))[0])


# -- bounds ----------------------------------------------------------------------------------------------------------

Z2 = 1.959963984540054**2  # of 95 %


def test_a_share_has_a_wilson_interval() -> None:
    share = Bounds(8, share=True)
    assert share.interval(1.0, 0.95, constant=True) == pytest.approx((8 / (8 + Z2), 1.0))
    assert share.interval(0.0, 0.95, constant=True) == pytest.approx((0.0, Z2 / (8 + Z2)))
    middle, half = (6 + Z2 / 2) / (8 + Z2), math.sqrt(Z2 * (6 * 2 / 8 + Z2 / 4)) / (8 + Z2)
    assert share.interval(0.75, 0.95, constant=False) == pytest.approx((middle - half, middle + half))


def test_other_bounded_metrics_have_one_only_at_a_constant_best_or_worst_value() -> None:
    assert Bounds(8).interval(1.0, 0.95, constant=True) == pytest.approx((8 / (8 + Z2), 1.0))
    assert Bounds(8, best=100.0).interval(100.0, 0.95, constant=True) == pytest.approx((800 / (8 + Z2), 100.0))
    assert Bounds(8, cost=2.0).interval(1.0, 0.95, constant=True) == pytest.approx((1 - 2 * Z2 / (8 + Z2), 1.0))
    assert Bounds(2, cost=2.0).interval(1.0, 0.95, constant=True) == (0.0, 1.0), "the lower end is at least 0"
    assert Bounds(8, best=100.0).interval(0.0, 0.95, constant=True) == pytest.approx((0.0, 100 * Z2 / (8 + Z2)))
    assert Bounds(8).interval(0.5, 0.95, constant=True) is None
    assert Bounds(8).interval(1.0, 0.95, constant=False) is None
    assert Bounds(0, share=True).interval(1.0, 0.95, constant=True) is None


def test_a_mean_of_zeros_and_ones_is_a_share() -> None:
    assert bounds_of(np.array([0, 1, 1])) == Bounds(3, share=True)
    assert bounds_of(np.array([True, False])) == Bounds(2, share=True)
    assert bounds_of(np.array([0.0, 0.5, 1.0])) == average("rouge", np.array([0.0, 0.5, 1.0])).bounds == Bounds(3)
