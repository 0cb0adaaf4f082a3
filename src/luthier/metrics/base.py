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

    def on(self, counts: FloatArray) -> FloatArray:
        """Compute the metric on resamples.

        Args:
            counts: `[r, n]` integers: how often each example is in each resample.

        Returns:
            `[r]` values, nan where the metric is undefined.
        """


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric that is a function of summed per-example statistics.

    Args:
        name: Name in output and files, such as `accuracy` or `f1_macro`.
        statistics: `[n, k]` per-example sufficient statistics, dense, or sparse if most are 0. Metrics that share one
            array are resampled together.
        value: Function from `[..., k]` summed statistics to `[...]` values, nan where undefined.
        greater_is_better: Whether a higher value is better.
    """

    name: str
    statistics: FloatArray | csr_array
    value: Callable[[FloatArray], FloatArray]
    greater_is_better: bool = True
    max_resamples: int | None = None

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

    def on(self, counts: FloatArray) -> FloatArray:
        examples = np.arange(self.n)
        return np.array([self.function(np.repeat(examples, row.astype(np.int64))) for row in counts], dtype=np.float64)


def ratio(numerator: FloatArray, denominator: FloatArray, empty: float = np.nan) -> FloatArray:
    """Element-wise division, with `empty` where the denominator is 0."""
    defined = denominator != 0
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), empty)


def average(name: str, values: FloatArray, *, greater_is_better: bool = True) -> Metric:
    """A metric that is the mean of one number per example, such as ROUGE-L or exact match.

    Args:
        values: `[n]`.
    """
    statistics = np.stack([np.asarray(values, dtype=np.float64), np.ones(len(values))], axis=1)
    return Metric(name, statistics, lambda sums: ratio(sums[..., 0], sums[..., 1]), greater_is_better)
