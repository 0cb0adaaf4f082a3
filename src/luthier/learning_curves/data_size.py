"""The score against the number of training rows: a power law, its uncertainty, and what more rows would add.

The error of a model falls as a + b n^-c with the training rows n (Cortes et al. 1993, "Learning curves: asymptotic
values and rate of convergence"; Hestness et al. 2017, arXiv:1712.00409). Among common curves, this is one of the best
to extrapolate (Viering & Loog 2022, arXiv:2103.10948; Mahmood et al. 2022, arXiv:2207.01725).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from scipy import stats

from luthier.arrays import FloatArray
from luthier.learning_curves.power_law import PowerLaw, fit
from luthier.metrics.limits import within

FEWEST = 4  # sizes that show more than the three numbers of a power law
DRAWS, SEED, LEVEL = 1000, 0, 0.95
TIMES = 2, 4  # the rows of the largest size are extrapolated to
MISFIT = 0.01  # p-value below which the scores follow no power law
WORTH = 0.01  # gain that is worth labels: of the best value, or of the error if lower is better
WIDE = 5  # times the worth: an interval from less than it to so much more says nothing

Undetermined = Literal["few-sizes", "no-repeats", "no-errors", "misfit", "no-rise", "wide", ""]
Verdict = Literal["more", "perhaps", "enough", "unclear"]


@dataclass(frozen=True)
class Scale:
    """How the values of a metric become errors that fall to a limit.

    Args:
        greater_is_better: Its direction.
        best: Its best value; None if it has none.
        worst: Its worst value; None if it has none.
    """

    greater_is_better: bool
    best: float | None
    worst: float | None = None

    @property
    def sign(self) -> int:
        """An error is a value times this."""
        return -1 if self.greater_is_better else 1

    @property
    def floor(self) -> float:
        """The lowest error."""
        return -math.inf if self.best is None else self.sign * self.best

    def worth(self, value: float) -> float:
        """The smallest gain that is worth labels, from a value on."""
        return WORTH * abs(self.best if self.greater_is_better and self.best else value)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, draws: FloatArray) -> "Estimate":
        """A number with the interval of its bootstrap draws."""
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return cls(value, min(float(low), value), max(float(high), value))


@dataclass(frozen=True, eq=False)
class DataSizes:
    """Scores of trainings on several numbers of rows, all on the same held-out rows.

    Args:
        rows: [s] training rows, increasing; at least two sizes.
        scores: For each size, the scores of its runs.
        held_out: [r, r] covariance of all these scores, in order, over the choice of the held-out rows.
        scale: What is known of the metric.
    """

    rows: Sequence[int]
    scores: Sequence[Sequence[float]]
    held_out: FloatArray
    scale: Scale

    @cached_property
    def values(self) -> FloatArray:
        """[s] the mean score of each size."""
        return np.array([np.mean(several) for several in self.scores])

    @cached_property
    def freedom(self) -> int:
        """Degrees of freedom of the spread between runs; 0 if no size has several."""
        return sum(len(several) - 1 for several in self.scores)

    @cached_property
    def run_variance(self) -> FloatArray:
        """[s] variance of the mean score of each size over drawn rows and seeds; 0 if it is unknown.

        The variance between runs is pooled over all sizes, as one that falls as 1 / rows: so it has some degrees of
        freedom, and a size with one run has a variance too.
        """
        rows, runs = self._sizes, np.array([len(several) for several in self.scores])
        squares = sum(n * len(several) * float(np.var(several)) for n, several in zip(rows, self.scores, strict=True))
        return np.asarray(squares / max(1, self.freedom) / rows / runs)

    @cached_property
    def held_out_variance(self) -> FloatArray:
        """[s, s] covariance of the mean scores over the choice of the held-out rows."""
        runs = [len(several) for several in self.scores]
        to_means = np.repeat(np.eye(len(runs)) / runs, runs, axis=1)  # [s, r]
        return np.asarray(to_means @ self.held_out @ to_means.T)

    @cached_property
    def variance(self) -> FloatArray:
        """[s, s] covariance of the mean scores."""
        return self.held_out_variance + np.diag(self.run_variance)

    @cached_property
    def intervals(self) -> list[Estimate]:
        """The mean score of each size with its interval, within the bounds of the metric."""
        found = [self._contrast(size, self.values) for size in np.eye(len(self.rows))]
        ends = self.scale.worst, self.scale.best
        limits = ends if self.scale.greater_is_better else ends[::-1]
        return [Estimate(one.value, *within(limits, one.low, one.high)) for one in found]

    @property
    def last_step(self) -> Estimate:
        """The measured gain from the last size but one to the largest; a loss is below 0."""
        return self._contrast(self._step(-2), self._errors)

    @property
    def rise(self) -> Estimate:
        """The measured gain from the smallest size to the largest."""
        return self._contrast(self._step(0), self._errors)

    def mostly_runs(self) -> bool:
        """Whether most of the uncertainty of `rise` is due to the spread between runs, so that repeats lower it."""
        step = self._step(0)
        return bool(step**2 @ self.run_variance > step @ self.held_out_variance @ step)

    def _step(self, first: int) -> FloatArray:
        step = np.zeros(len(self.rows))
        step[first], step[-1] = 1, -1
        return step

    def _contrast(self, weights: FloatArray, values: FloatArray) -> Estimate:
        """A weighted sum of the sizes; without repeats, its interval holds the held-out rows alone."""
        quantile = (1 + LEVEL) / 2
        width = stats.t.ppf(quantile, self.freedom) if self.freedom else stats.norm.ppf(quantile)
        value, half = float(weights @ values), float(width) * math.sqrt(float(weights @ self.variance @ weights))
        return Estimate(value, value - half, value + half)

    @cached_property
    def _sizes(self) -> FloatArray:
        return np.asarray(self.rows, float)

    @property
    def _errors(self) -> FloatArray:
        return self.scale.sign * self.values

    @cached_property
    def laws(self) -> tuple[PowerLaw, PowerLaw]:
        """The law that fits all sizes best, and that without the smallest: few rows can follow another law."""
        return self._fitted(self._errors[None], 0), self._fitted(self._errors[None], 1)

    @cached_property
    def draws(self) -> PowerLaw:
        """Laws that fit scores drawn around those of `laws` (the parametric bootstrap), half of them around each."""
        rng, size = np.random.default_rng(SEED), len(self.rows)
        held_out = rng.multivariate_normal(np.zeros(size), self.held_out_variance, DRAWS, method="eigh")
        # The spread is estimated from few runs; its own uncertainty makes the noise that of a t-distribution.
        spread = np.sqrt(self.freedom / rng.chisquare(self.freedom, (DRAWS, 1)))
        noise = held_out + spread * rng.normal(size=(DRAWS, size)) * np.sqrt(self.run_variance)
        found = [self._fitted(law.error(self._sizes) + noise, first) for first, law in enumerate(self.laws)]
        a, b, c = (np.concatenate(parts) for parts in zip(*((law.a, law.b, law.c) for law in found), strict=True))
        return PowerLaw(a, b, c)

    def _fitted(self, errors: FloatArray, first: int) -> PowerLaw:
        variances = np.diag(self.variance)[first:]
        return fit(errors[:, first:], self._sizes[first:], variances, self.scale.floor)

    @cached_property
    def misfit(self) -> float:
        """The p-value of the scores under the law that fits best (an F-test, as the spread is estimated)."""
        left, freedom = self._errors - self.laws[0].error(self._sizes), len(self.rows) - 3
        squares = float(left @ np.linalg.pinv(self.variance, rcond=1e-10, hermitian=True) @ left)
        return float(stats.f.sf(squares / freedom, freedom, self.freedom))

    def gain(self, times: float) -> Estimate:
        """What `times` the rows of the largest size would add, by the laws."""
        now, then = self._sizes[-1], times * self._sizes[-1]
        value = np.mean([law.error(now) - law.error(then) for law in self.laws])
        return Estimate.of(float(value), self.draws.error(now) - self.draws.error(then))

    def score(self, rows: float) -> Estimate:
        """The score at a number of rows, by the laws."""
        sign = self.scale.sign
        value = np.mean([law.error(rows) for law in self.laws])
        return Estimate.of(sign * float(value), sign * self.draws.error(rows))

    @property
    def _far_end(self) -> float:
        """The worse end of the interval of the largest size."""
        last = self.intervals[-1]
        return last.low if self.scale.greater_is_better else last.high

    @property
    def worth(self) -> float:
        """The smallest gain that is worth labels."""
        return self.scale.worth(float(self.values[-1]))

    @cached_property
    def undetermined(self) -> Undetermined:
        """Why nothing can be said of more rows; empty if it can."""
        if len(self.rows) < FEWEST:
            return "few-sizes"
        if not self.freedom:
            return "no-repeats"
        if self._errors[-1] <= self.scale.floor and abs(self.values[-1] - self._far_end) > self.worth:
            return "no-errors"
        if self.misfit < MISFIT:
            return "misfit"
        gain = self.gain(TIMES[0])
        if gain.high < self.worth:
            return ""
        if self.rise.low <= 0:
            return "no-rise"
        return "wide" if gain.low < self.worth and gain.high > WIDE * self.worth else ""

    @property
    def verdict(self) -> Verdict:
        """Whether twice the rows would help."""
        if self.undetermined:
            return "unclear"
        gain = self.gain(TIMES[0])
        return "enough" if gain.high < self.worth else "more" if gain.value >= self.worth else "perhaps"

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints of the sizes, the fit and the extrapolation."""
        sizes = [
            {"rows": rows, **asdict(found), "runs": len(several)}
            for rows, found, several in zip(self.rows, self.intervals, self.scores, strict=True)
        ]
        if self.undetermined:
            return {"sizes": sizes, "fit": None, "undetermined": self.undetermined, "extrapolated": []}
        law, best = self.laws[0], self.scale.best or 0.0
        limit = float(law.a[0]) + (best if self.scale.greater_is_better else 0.0)
        further = [(times, times * self.rows[-1]) for times in TIMES]
        return {
            "sizes": sizes,
            "fit": {"a": limit, "b": float(law.b[0]), "c": float(law.c[0]), "p": self.misfit},
            "undetermined": None,
            "extrapolated": [
                {"rows": rows, **asdict(self.score(rows)), "gain": asdict(self.gain(times))} for times, rows in further
            ],
        }
