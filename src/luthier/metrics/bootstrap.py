"""95 % confidence intervals by the percentile bootstrap over examples (Efron 1979).

`scipy.stats.bootstrap` is not used: it gathers the statistics of every resample (`[batch, n, k]`), where a single
product of counts and statistics suffices; it resamples again for each metric; and it does not support sparse
statistics (thousands of classes). Resamples depend only on `seed` and `n`, so any two metrics on the same examples, of
one model or of two, are computed on the same resamples and can be compared in pairs.

A metric that is a share of examples has Wilson's interval instead, and so has every bounded metric whose resamples all
give its best or worst value: 20 of 20 correct says little about the next 20, and the bootstrap would claim certainty
(see `base.Bounds`). There is no interval for fewer than two examples, if a metric is undefined on half of the resamples
or more, or if all resamples give the same value of an unbounded metric. Two metrics that are equal on every resample,
such as those of the same predictions, differ by 0 with an interval from 0 to 0; two that are constant and differ have
an interval if they are bounded.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy.special import ndtri

from luthier.arrays import FloatArray
from luthier.errors import UsageError
from luthier.metrics.base import AnyMetric, Bounds, Metric

RESAMPLES = 1000
LEVEL = 0.95
# Cells of one block of counts: 8 MB of float64.
_BLOCK = 1_000_000
# Overflowing and undefined values are excluded from the interval, so NumPy's warnings about them are switched off.
_quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


@dataclass(frozen=True, slots=True)
class Score:
    """The value of a metric with its interval.

    Args:
        value: Value of the metric; None if it is undefined.
        low: Lower end of the interval; None if there is no interval.
        high: Upper end of the interval; None if there is no interval.
        n: Number of examples.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 is outside the interval; for a difference, whether it is significant."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def to_dict(self) -> dict[str, float | int | None]:
        return asdict(self)


def score(metric: AnyMetric, *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL) -> Score:
    """Compute a metric and its interval.

    Args:
        metric: The metric.
        resamples: Number of resamples; 0 for no interval.
        seed: Seed for the resamples.
        level: Coverage of the interval.
    """
    return scores([metric], resamples=resamples, seed=seed, level=level)[0]


def scores(
    metrics: Sequence[AnyMetric], *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> list[Score]:
    """Compute several metrics on the same examples and their intervals, in the order given.

    Faster than one at a time: the resamples are drawn once, and statistics that metrics share are summed once.

    Raises:
        UsageError: The metrics do not have the same number of examples.
    """
    if not metrics:
        return []
    n = _common_n(metrics)
    values = [value_of(metric) for metric in metrics]
    samples = resampled(metrics, resamples, seed)
    return [
        _score(value, sample, n, level, metric.bounds)
        for metric, value, sample in zip(metrics, values, samples, strict=True)
    ]


def difference(a: AnyMetric, b: AnyMetric, *, resamples: int = RESAMPLES) -> Score:
    """Compute the paired difference a - b of two metrics on the same examples in the same order.

    If each metric is the same on all resamples, as are 20 of 20 right and 0 of 20, the difference has an interval if
    both have one: from one's low end to the other's high end.

    Raises:
        UsageError: The metrics do not have the same number of examples.
    """
    n = _common_n([a, b])
    limits = [limit for limit in (a.max_resamples, b.max_resamples) if limit is not None]
    samples_a, samples_b = resampled([a, b], min([resamples, *limits]))
    found = paired(value_of(a) - value_of(b), samples_a - samples_b, n)
    if not all(len(samples) and samples.min() == samples.max() for samples in (samples_a, samples_b)):
        return found
    left, right = (_score(value_of(m), s, n, LEVEL, m.bounds) for m, s in ((a, samples_a), (b, samples_b)))
    if not found.value or left.low is None or left.high is None or right.low is None or right.high is None:
        return found
    return replace(found, low=left.low - right.high, high=left.high - right.low)


def paired(gap: float, gaps: FloatArray, n: int) -> Score:
    """The difference of two metrics with its interval.

    Args:
        gap: The difference.
        gaps: The same on paired resamples.
        n: Number of examples.
    """
    found, defined = _score(gap, gaps, n, LEVEL), gaps[np.isfinite(gaps)]
    same = found.value == 0 and len(defined) and not defined.any()
    return replace(found, low=0.0, high=0.0) if same else found


def covariance(metrics: Sequence[AnyMetric]) -> FloatArray:
    """Compute how metrics on the same examples vary together over the choice of the examples.

    Their correlations are those of paired resamples, their standard deviations follow from their intervals. Each also
    has the variance of one example on its own: metrics that agree on all of few examples can differ on others, which no
    resample shows (as the pseudo-observations of Agresti & Min 2005).

    Returns:
        `[m, m]`; nan where a metric has no interval.
    """
    resamples = min([RESAMPLES, *(one.max_resamples for one in metrics if one.max_resamples is not None)])
    several = scores(metrics, resamples=resamples)
    width = 2 * float(ndtri((1 + LEVEL) / 2))
    sd = np.array(
        [math.nan if one.low is None or one.high is None else (one.high - one.low) / width for one in several]
    )
    samples = np.stack(resampled(metrics, resamples))
    samples = samples[:, np.isfinite(samples).all(axis=0)]
    with np.errstate(invalid="ignore", divide="ignore"):
        together = np.nan_to_num(np.corrcoef(samples)) if samples.shape[1] > 1 else np.zeros((len(sd), len(sd)))
    np.fill_diagonal(together := np.atleast_2d(together), 1.0)
    n = _common_n(metrics)
    example = [one.bounds.best / n if one.bounds else own / math.sqrt(n) for one, own in zip(metrics, sd, strict=True)]
    return np.outer(sd, sd) * together + np.diag(np.square(example))


def resample_counts(n: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Draw the resamples, in blocks of bounded memory.

    Yields:
        `[r, n]` how often each example is in each resample. The first resamples do not depend on how many are drawn.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // max(n, 1))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        yield np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(rows)]).astype(np.float64)


def _common_n(metrics: Sequence[AnyMetric]) -> int:
    sizes = sorted({metric.n for metric in metrics})
    if len(sizes) > 1:
        raise UsageError(
            f"metrics on different examples cannot be compared: {' and '.join(map(str, sizes))} examples",
            hint="compute both on the same examples in the same order",
        )
    return sizes[0]


@_quiet
def value_of(metric: AnyMetric) -> float:
    """The metric on the examples themselves; nan if undefined."""
    return float(metric.on(np.ones((1, metric.n)))[0]) if metric.n else float("nan")


@_quiet
def resampled(metrics: Sequence[AnyMetric], resamples: int, seed: int = 0) -> list[FloatArray]:
    """Compute each metric on each resample: an array of at most `resamples` values per metric.

    Metrics on the same number of examples are computed on the same resamples, also in separate calls.
    """
    n = metrics[0].n
    values: list[list[float]] = [[] for _ in metrics]
    for counts in resample_counts(n, resamples if n > 1 else 0, seed):
        sums: dict[int, FloatArray] = {}
        for metric, seen in zip(metrics, values, strict=True):
            limit = resamples if metric.max_resamples is None else metric.max_resamples
            wanted = counts[: max(0, limit - len(seen))]
            if not len(wanted):
                continue
            if isinstance(metric, Metric) and len(wanted) == len(counts):
                key = id(metric.statistics)
                if key not in sums:
                    sums[key] = metric.sums(counts)
                seen.extend(metric.value(sums[key]))
            else:
                seen.extend(metric.on(wanted))
    return [np.array(seen, dtype=np.float64) for seen in values]


def _score(value: float, samples: FloatArray, n: int, level: float, bounds: Bounds | None = None) -> Score:
    """The value with the percentile interval of its resampled values (excluding nan and infinite ones), or Wilson's."""
    if not np.isfinite(value):
        return Score(None, None, None, n)
    defined = samples[np.isfinite(samples)]
    if 2 * len(defined) <= len(samples):
        return Score(float(value), None, None, n)
    low, high = (float(end) for end in np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]))
    if bounds is not None and (ends := bounds.interval(value, level, constant=low == high)):
        return Score(float(value), *ends, n)
    return Score(float(value), None, None, n) if low == high else Score(float(value), low, high, n)
