"""Regression metrics: Pearson, Spearman, mean squared and absolute error, R2.

Values are centred and scaled before they are summed, so that large offsets (years, prices) do not lose precision.
Correlations are undefined if predictions or gold values are constant.
"""

from dataclasses import dataclass

import numpy as np

from luthier.arrays import FloatArray
from luthier.metrics.base import AnyMetric, Bounds, Metric, mean, ratio

# A variance below this share of the mean square is the rounding error of a constant.
_CONSTANT = 1e-12


def regression_metrics(predicted: FloatArray, gold: FloatArray) -> list[AnyMetric]:
    """The standard regression metrics; both arguments are `[n]`."""
    return [
        pearson(predicted, gold),
        spearman(predicted, gold),
        mse(predicted, gold),
        mae(predicted, gold),
        r2(predicted, gold),
    ]


def pearson(predicted: FloatArray, gold: FloatArray) -> Metric:
    """Pearson (linear) correlation."""
    predicted, gold = _numbers(predicted, gold)
    x, y = _standardised(predicted), _standardised(gold)
    statistics = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)
    return Metric("pearson", statistics, _correlation)


def spearman(predicted: FloatArray, gold: FloatArray) -> "RankCorrelation":
    """Spearman (rank) correlation; ties share their mean rank."""
    predicted, gold = _numbers(predicted, gold)
    return RankCorrelation(predicted, gold)


def mse(predicted: FloatArray, gold: FloatArray) -> Metric:
    """Mean squared error."""
    predicted, gold = _numbers(predicted, gold)
    return mean("mse", (predicted - gold) ** 2, greater_is_better=False)


def mae(predicted: FloatArray, gold: FloatArray) -> Metric:
    """Mean absolute error."""
    predicted, gold = _numbers(predicted, gold)
    return mean("mae", np.abs(predicted - gold), greater_is_better=False)


def r2(predicted: FloatArray, gold: FloatArray) -> Metric:
    """Coefficient of determination: explained share of the variance of the gold values; undefined if constant."""
    predicted, gold = _numbers(predicted, gold)
    scale = _scale(gold)
    y, error = _standardised(gold), (gold - predicted) / scale

    def value(sums: FloatArray) -> FloatArray:
        n, total, squares, errors = np.moveaxis(sums, -1, 0)
        return 1.0 - ratio(errors, _variation(n, total, squares))

    return Metric("r2", np.stack([np.ones(len(y)), y, y * y, error * error], axis=1), value)


@dataclass(frozen=True, eq=False)
class RankCorrelation:
    """Spearman's correlation; the ranks are recomputed from the counts of each resample.

    Args:
        predicted: `[n]`.
        gold: `[n]`.
    """

    predicted: FloatArray
    gold: FloatArray
    name: str = "spearman"
    greater_is_better: bool = True
    max_resamples: int | None = None
    bounds: Bounds | None = None

    @property
    def n(self) -> int:
        return len(self.gold)

    def on(self, counts: FloatArray) -> FloatArray:
        if np.isnan(self.predicted).any() or np.isnan(self.gold).any():
            return np.full(len(counts), np.nan)
        x, y = _ranks(self.predicted, counts), _ranks(self.gold, counts)
        ones = np.ones_like(x)
        sums = np.stack([(counts * part).sum(-1) for part in (ones, x, y, x * x, y * y, x * y)], axis=-1)
        return _correlation(sums)


def _ranks(values: FloatArray, counts: FloatArray) -> FloatArray:
    """Mean ranks of values in each resample, from -1 to 1: `[n]` values and `[r, n]` counts to `[r, n]`."""
    distinct, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(distinct)))
    drawn = np.add.reduceat(counts[:, order], starts, axis=1)
    # cumsum is the last rank e of each value; the mean rank of `drawn` equal values is e - (drawn - 1) / 2.
    ranks = np.cumsum(drawn, axis=1) - (drawn - 1) / 2
    n = counts.sum(axis=1, keepdims=True)
    ranks = (2 * ranks - n - 1) / n
    return np.take(ranks, place, axis=1)


def _correlation(sums: FloatArray) -> FloatArray:
    """Pearson's correlation from the sums of 1, x, y, x^2, y^2, xy."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = np.sqrt(_variation(n, x, xx) * _variation(n, y, yy))
    return np.clip(ratio(xy - ratio(x * y, n), spread), -1.0, 1.0)


def _variation(n: FloatArray, total: FloatArray, squares: FloatArray) -> FloatArray:
    """Sum of squared distances from the mean; 0 if only rounding error is left."""
    variation = squares - ratio(total * total, n)
    return np.where(variation > _CONSTANT * squares, variation, 0.0)


def _scale(values: FloatArray) -> float:
    """The largest distance from the mean; 1 if all values are equal."""
    if not len(values) or np.ptp(values) == 0:
        return 1.0
    return float(np.abs(values - values.mean()).max())


def _standardised(values: FloatArray) -> FloatArray:
    """Centre values at 0 and scale them to magnitude 1; all 0 if constant (their mean can have a rounding error)."""
    if not len(values) or np.ptp(values) == 0:
        return np.zeros(len(values))
    centred: FloatArray = values - values.mean()
    return centred / _scale(values)


def _numbers(predicted: FloatArray, gold: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Convert both to float64 `[n]` and validate them; infinite values become nan, for which metrics are undefined."""
    predicted, gold = np.asarray(predicted, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    if predicted.shape != gold.shape or gold.ndim != 1:
        raise ValueError(f"predicted {predicted.shape} and gold {gold.shape} must both be [n]")
    return np.where(np.isfinite(predicted), predicted, np.nan), np.where(np.isfinite(gold), gold, np.nan)
