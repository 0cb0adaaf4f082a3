"""Base classes for metrics: a metric is a number on n examples that can be recomputed on any resample of them.

A resample is given as counts: how often it contains each example. Nearly all common metrics (accuracy, F1, MCC,
Pearson, BLEU, perplexity) are functions of summed per-example statistics, so their values on a thousand resamples take
a single matrix product. Other metrics are recomputed on each resample.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from luthier.arrays import FloatArray, IntArray


class AnyMetric(Protocol):
    """The interface of a metric that the bootstrap uses."""

    @property
    def name(self) -> str: ...

    @property
    def n(self) -> int:
        """Number of examples."""

    @property
    def greater_is_better(self) -> bool | None:
        """The direction: whether a higher value is better; None if not stated."""

    @property
    def max_resamples(self) -> int | None:
        """Maximum number of resamples, for a metric that is slow to compute; None for no limit."""

    @property
    def bounds(self) -> "Bounds | None":
        """The bounds of a metric that has a best and a worst value."""

    def on(self, counts: FloatArray) -> FloatArray:
        """Compute the metric on resamples.

        Args:
            counts: `[r, n]` integers: how often each example is in each resample.

        Returns:
            `[r]` values, nan where the metric is undefined.
        """


@dataclass(frozen=True)
class Bounds:
    """A metric between 0 and its best value. It has an interval even if all resamples give one of these two values.

    If all of the examples are right, the share of errors e in the population is at most that of Wilson's interval
    (Wilson 1927, JASA 22:209), and the metric falls by `cost` times e. Likewise if all are wrong.

    Args:
        trials: Number of independent examples that the metric is measured on.
        share: Whether the metric is the share of these examples that are right: Wilson's interval then holds for every
            value, and better than the bootstrap for values near 0 and 1.
        best: Best value.
        cost: Relative loss per share of errors.
    """

    trials: int
    share: bool = False
    best: float = 1.0
    cost: float = 1.0

    def interval(self, value: float, level: float, *, constant: bool) -> tuple[float, float] | None:
        """The interval of a value; None to use the bootstrap's.

        Args:
            value: Value of the metric.
            level: Coverage of the interval.
            constant: Whether all resamples give this value.
        """
        if not self.trials:
            return None
        if self.share:
            return self._wilson(round(value * self.trials), level)
        if constant and np.isclose(value, self.best):
            errors = 1 - self._wilson(self.trials, level)[0]
            return max(0.0, self.best * (1 - self.cost * errors)), value
        if constant and value == 0 and self.cost == 1:
            return value, self.best * self._wilson(0, level)[1]
        return None

    def _wilson(self, right: int, level: float) -> tuple[float, float]:
        from scipy.stats import binomtest  # takes longer to import than `datasets`

        found = binomtest(right, self.trials).proportion_ci(level, method="wilson")
        return max(0.0, float(found.low)), min(1.0, float(found.high))


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric that is a function of summed per-example statistics.

    Args:
        name: Name in output and files, such as `accuracy` or `f1_macro`.
        statistics: `[n, k]` per-example sufficient statistics, dense, or sparse if most are 0. Metrics that share one
            array are resampled together.
        value: Function from `[..., k]` summed statistics to `[...]` values, nan where undefined.
        greater_is_better: Whether a higher value is better.
        bounds: What is known about a metric that is bounded on both sides.
    """

    name: str
    statistics: FloatArray | csr_array
    value: Callable[[FloatArray], FloatArray]
    greater_is_better: bool = True
    max_resamples: int | None = None
    bounds: Bounds | None = None

    @property
    def n(self) -> int:
        return int(self.statistics.shape[0])

    def sums(self, counts: FloatArray) -> FloatArray:
        """Sum the statistics over each resample: `[r, n]` counts to `[r, k]`."""
        return np.asarray(counts @ self.statistics)

    def on(self, counts: FloatArray) -> FloatArray:
        return self.value(self.sums(counts))


@dataclass(frozen=True, eq=False)
class ResampledMetric:
    """A metric that is recomputed from the examples of each resample.

    Args:
        name: As in `Metric`.
        n: Number of examples.
        function: Function from the indices of the examples (ascending, repeated as often as drawn) to the value, nan if
            undefined.
        greater_is_better: As in `Metric`; None if not stated.
        max_resamples: Maximum number of resamples; 0 for no interval.
    """

    name: str
    n: int
    function: Callable[[IntArray], float]
    greater_is_better: bool | None = True
    max_resamples: int | None = None
    bounds: Bounds | None = None

    def on(self, counts: FloatArray) -> FloatArray:
        examples = np.arange(self.n)
        return np.array([self.function(np.repeat(examples, row.astype(np.int64))) for row in counts], dtype=np.float64)


def ratio(numerator: FloatArray, denominator: FloatArray, empty: float = np.nan) -> FloatArray:
    """Element-wise division, with `empty` where the denominator is 0."""
    defined = denominator != 0
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), empty)


def average(name: str, values: FloatArray) -> Metric:
    """A metric that is the mean of one number from 0 to 1 per example, such as ROUGE-L or exact match.

    Args:
        values: `[n]`.
    """
    return mean(name, values, greater_is_better=True, bounds=bounds_of(values))


def mean(name: str, values: FloatArray, *, greater_is_better: bool, bounds: Bounds | None = None) -> Metric:
    """A metric that is the mean of one number per example.

    Args:
        values: `[n]`.
    """
    statistics = np.stack([np.asarray(values, dtype=np.float64), np.ones(len(values))], axis=1)
    return Metric(name, statistics, lambda sums: ratio(sums[..., 0], sums[..., 1]), greater_is_better, bounds=bounds)


def bounds_of(values: FloatArray) -> Bounds:
    """The bounds of a mean of numbers from 0 to 1; a share if there are no other numbers than these two."""
    return Bounds(len(values), share=bool(np.isin(values, (0, 1)).all()))
