"""The difference between two recipes that were each trained with several seeds and scored on the same rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luthier.arrays import FloatArray
from luthier.metrics.base import AnyMetric
from luthier.metrics.bootstrap import RESAMPLES, Score, resampled, value_of
from luthier.metrics.limits import Limits, limits_of, within
from luthier.metrics.seeds.spread import Uncertainty, seeds_needed


@dataclass(frozen=True, slots=True)
class SeedsDifference(Score):
    """A difference between two means over seeds, with an interval that holds seeds and test rows.

    Args:
        rows_error: Standard error from the choice of the test rows.
        seeds_error: Standard error from the choice of the seeds.
        seeds_needed: Seeds on either side that a difference of this size needs to be seen (power 0.8); None if not
            even `MOST_SEEDS` are enough, most often because the test rows are too few.
    """

    rows_error: float | None
    seeds_error: float | None
    seeds_needed: int | None


def seeds_difference(
    a: Sequence[AnyMetric], b: Sequence[AnyMetric], *, resamples: int = RESAMPLES
) -> SeedsDifference | None:
    """Compute mean(a) - mean(b), the means over seeds.

    The error from the rows is the standard deviation of this difference over paired resamples of the rows; that from
    the seeds follows from the standard deviations over seeds. A bootstrap over the seeds as well would give intervals
    that are far too short for three or five of them. A side with one seed is taken to vary as the other one does.

    Args:
        a: A metric of the runs of one recipe, on the same rows in the same order as `b`; one for each seed.
        b: The same of the other recipe.
        resamples: Resamples of the rows.
    Returns:
        None if both sides have one seed: that cannot tell. Without an interval if the metric is undefined.
    """
    if max(len(a), len(b)) < 2:
        return None
    n = a[0].n
    limits = [one.max_resamples for one in (*a, *b) if one.max_resamples is not None]
    values = [np.array([value_of(metric) for metric in side]) for side in (a, b)]
    gap = float(values[0].mean() - values[1].mean())
    rows = _rows_error(a, b, min([resamples, *limits]))
    if not math.isfinite(gap) or rows is None:
        return SeedsDifference(gap if math.isfinite(gap) else None, None, None, n, None, None, None)
    known = [float(side.std(ddof=1)) for side in values if len(side) > 1]
    sides = ((known[0], len(a)), (known[-1], len(b)))
    # One standard deviation that serves both sides counts as half an estimate for each.
    freedom = [len(side) - 1 if len(known) == 2 else (max(len(a), len(b)) - 1) / 2 for side in (a, b)]
    error = Uncertainty(rows, max(1, n - 1), sides, (freedom[0], freedom[1]))
    half = error.half_width() if error.total else 0.0
    low, high = within(_limits(a[0]), gap - half, gap + half) if half or not gap else (None, None)
    of_seeds = math.hypot(*(sd / math.sqrt(n_seeds) for sd, n_seeds in sides))
    return SeedsDifference(gap, low, high, n, rows, of_seeds, seeds_needed(gap, error))


def _limits(metric: AnyMetric) -> Limits:
    """The lowest and the highest difference that there can be, of a metric with both bounds."""
    least, most = limits_of(metric)
    return (None, None) if least is None or most is None else (least - most, most - least)


def _rows_error(a: Sequence[AnyMetric], b: Sequence[AnyMetric], resamples: int) -> float | None:
    """Standard deviation of the difference of means over resamples of the rows; None if it is mostly undefined."""
    samples = [sample[:resamples] for sample in resampled([*a, *b], resamples)]
    gaps: FloatArray = np.mean(samples[: len(a)], axis=0) - np.mean(samples[len(a) :], axis=0)
    defined = gaps[np.isfinite(gaps)]
    return float(defined.std(ddof=1)) if 2 * len(defined) > len(gaps) and len(defined) > 1 else None
