"""A metric over several seeds: its mean, its standard deviation, and what a difference between means can show.

Fine-tuning varies with the seed, often by more than the differences that are reported (Dodge et al. 2020,
arXiv:2002.06305). A comparison must hold every source of variation, seeds as well as test rows (Bouthillier et al.
2021, arXiv:2103.03098; Ulmer et al. 2022, arXiv:2204.06815).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from scipy.special import stdtrit  # `scipy.stats` takes longer to import than `datasets`

from luthier.metrics.limits import Limits, within

LEVEL = 0.95
POWER = 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric over seeds.

    Args:
        mean: Mean over the seeds; None if it is undefined for all of them.
        sd: Standard deviation over the seeds (n - 1); None for fewer than two.
        low: Lower end of the t-interval of the mean; None for fewer than two seeds, or if all have the same value.
        high: Upper end.
        n_seeds: Seeds for which the metric is defined.
        values: Its value for each seed, in order.
    """

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    n_seeds: int
    values: tuple[float | None, ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """The one that `to_dict` wrote."""
        return cls(**{field.name: entry[field.name] for field in fields(cls)} | {"values": tuple(entry["values"])})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"values": list(self.values)}


def spread(values: Sequence[float | None], limits: Limits = (None, None)) -> Spread:
    """The mean of a metric over seeds with its 95 % t-interval (Student 1908), cut off at the limits of the metric."""
    defined = np.array([value for value in values if value is not None], dtype=np.float64)
    n = len(defined)
    if n < 2:
        return Spread(float(defined[0]) if n else None, None, None, None, n, tuple(values))
    mean, sd = float(defined.mean()), float(defined.std(ddof=1))
    if defined.min() == defined.max():  # they cannot tell how much others would vary
        return Spread(mean, 0.0, None, None, n, tuple(values))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * sd / math.sqrt(n)
    return Spread(mean, sd, *within(limits, mean - half, mean + half), n, tuple(values))


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What makes a difference between two means over seeds uncertain.

    Args:
        rows: Standard error from the choice of the test rows.
        rows_freedom: Its degrees of freedom.
        seeds: For each side, the standard deviation over seeds and how many there are.
        seeds_freedom: For each side, the degrees of freedom of that standard deviation.
    """

    rows: float
    rows_freedom: int
    seeds: tuple[tuple[float, int], tuple[float, int]]
    seeds_freedom: tuple[float, float]

    @property
    def total(self) -> float:
        """The standard error of the difference."""
        return math.sqrt(sum(self._variances))

    @property
    def freedom(self) -> float:
        """The degrees of freedom of the whole (Welch 1947; Satterthwaite 1946)."""
        parts = zip(self._variances, (self.rows_freedom, *self.seeds_freedom), strict=True)
        below = sum(variance**2 / freedom for variance, freedom in parts)
        return sum(self._variances) ** 2 / below if below else float(self.rows_freedom)

    @property
    def _variances(self) -> tuple[float, float, float]:
        (a, n_a), (b, n_b) = self.seeds
        return self.rows**2, a**2 / n_a, b**2 / n_b

    def half_width(self) -> float:
        """Half of the 95 % interval of the difference."""
        return float(stdtrit(self.freedom, (1 + LEVEL) / 2)) * self.total

    def with_seeds(self, n: int) -> "Uncertainty":
        """The same with `n` seeds on either side."""
        (a, _), (b, _) = self.seeds
        return Uncertainty(self.rows, self.rows_freedom, ((a, n), (b, n)), (n - 1, n - 1))


def seeds_needed(difference: float, error: Uncertainty) -> int | None:
    """Seeds on either side from which on a difference of this size is significant with a probability of 0.8.

    Args:
        difference: Its size.
        error: What was measured: the standard deviations over seeds, and the error from the test rows, which more
            seeds do not lower.
    Returns:
        At least 2; None if `MOST_SEEDS` are not enough.
    """
    from scipy.stats import nct

    def seen(n: int) -> bool:
        wider = error.with_seeds(n)
        if not wider.total:
            return bool(difference)
        limit = stdtrit(wider.freedom, (1 + LEVEL) / 2)
        # The other tail, a significant difference of the wrong sign, does not count.
        return bool(nct.sf(limit, wider.freedom, abs(difference) / wider.total) >= POWER)

    if not seen(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS  # `low` is too few
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high
