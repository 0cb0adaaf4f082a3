"""Statistics of a noisy curve, and the curves of a run as the rules of the diagnosis read them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from luthier import text
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series

LOW, HIGH = 1 / 5, 3  # multiples of the usual learning rate: too low to learn much, and high
FEWEST_STEPS = 20  # training points that show a trend


@dataclass(frozen=True, slots=True)
class Trend:
    """Summary statistics of a noisy curve.

    Args:
        start: Mean of the first tenth.
        end: Mean of the last tenth.
        low: Lowest mean of any tenth-wide window.
        low_step: Step at the middle of that window.
        late: Mean of the tenth before the last fifth, shortly before the end.
        noise: Standard deviation of the points around their trend.
        error: Standard error of a mean over a tenth.
        steps: Number of points.
    """

    start: float
    end: float
    low: float
    low_step: int
    late: float
    noise: float
    error: float
    steps: int

    @property
    def drop(self) -> float:
        return self.start - self.end

    @property
    def hidden(self) -> bool:
        """Whether the noise is too large to see a rise or a fall of a fifth."""
        return 3 * self.error > 0.2 * abs(self.start)

    @classmethod
    def of(cls, series: Series) -> "Trend | None":
        """The trend of a curve of finite values; None if it has fewer than `FEWEST_STEPS` points."""
        n = len(series.values)
        if n < FEWEST_STEPS:
            return None
        values, width = np.asarray(series.values), max(5, n // 10)
        means, middle = running_mean(values, width), width // 2
        low = int(means.argmin())
        noise = float((values - around(values, width)).std())
        return cls(
            start=float(means[0]),
            end=float(means[-1]),
            low=float(means[low]),
            low_step=series.steps[low + middle],
            late=float(means[max(0, len(means) - 1 - 2 * width)]),
            noise=noise,
            error=noise / math.sqrt(width),
            steps=n,
        )


@dataclass(frozen=True)
class Reading:
    """The curves of a run, and what else is known of it."""

    curves: Mapping[str, Series]
    facts: Facts

    @cached_property
    def train(self) -> Series:
        """The training loss, where it is finite."""
        return self.finite("train/loss")

    @cached_property
    def evaluation(self) -> Series:
        """The evaluation loss, where it is finite."""
        return self.finite("eval/loss")

    @cached_property
    def rates(self) -> Series:
        return self.finite("train/learning_rate")

    @cached_property
    def norms(self) -> Series:
        return self.finite("train/grad_norm")

    @cached_property
    def metric(self) -> Series:
        """The metric that selects the best checkpoint; empty if it is unknown or the loss."""
        return self.finite(f"eval/{self.facts.metric}")

    @cached_property
    def trend(self) -> Trend | None:
        """The trend of the training loss."""
        return Trend.of(self.train)

    @property
    def peak_rate(self) -> float:
        """The highest learning rate; 0 if none was recorded."""
        return max(self.rates.values, default=0.0)

    @property
    def warmup(self) -> int:
        """Steps until the learning rate was at its peak."""
        peak = self.peak_rate
        return next((i for i, rate in enumerate(self.rates.values) if rate >= 0.999 * peak), 0)

    @property
    def times_usual(self) -> float | None:
        """The peak learning rate as a multiple of the usual one; None if either is unknown."""
        return self.peak_rate / self.facts.usual_rate if self.facts.usual_rate and self.peak_rate else None

    @property
    def usual(self) -> str:
        """The usual learning rate of the model, in words."""
        return f"{self.facts.usual_rate:.2g}" if self.facts.usual_rate else "unknown"

    @property
    def compared(self) -> str:
        """A sentence on the learning rate beside the usual one; empty if that is unknown."""
        times = self.times_usual
        if times is None:
            return ""
        if LOW < times < HIGH:
            apart = "near"
        elif times > 1:
            apart = f"{text.count(round(times))} times"
        else:
            apart = f"1/{text.count(round(1 / times))} of"
        return f" The learning rate, {self.peak_rate:.2g}, is {apart} the usual one for this model ({self.usual})."

    def finite(self, name: str) -> Series:
        """A curve without the values that are not finite; empty if there is none."""
        return self.curves.get(name, Series()).finite()


def running_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The mean of each window of a width."""
    return np.convolve(values, np.full(width, 1 / width), mode="valid")


def around(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The trend at each point: the mean of the window around it."""
    means = running_mean(values, width)
    return np.interp(np.arange(len(values)), np.arange(len(means)) + width // 2, means)
