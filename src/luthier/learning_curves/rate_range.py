"""The learning rate range test (Smith 2017, arXiv:1506.01186): the loss while the rate rises from step to step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from luthier.arrays import FloatArray
from luthier.learning_curves.plot import BLUE, INK, VERMILLION, Figure, theme

FEWEST = 20  # steps that show a shape
WIDTH = 0.04  # of the smoothing, as a share of the steps
CERTAIN = 4  # standard errors by which the lowest of many smoothed losses must be below the start
MARGIN = 3  # between the suggestion and the rate with the lowest loss
DIVERGED, LAST = 4, 5  # times the lowest loss, in the median of so many steps


@dataclass(frozen=True)
class RateRange:
    """Losses of single steps at rising learning rates.

    Args:
        rates: The learning rate of each step, rising by the same factor.
        losses: The loss of each step, freed of what its rows do; all are finite. There may be none.
    """

    rates: Sequence[float]
    losses: Sequence[float]

    @cached_property
    def smoothed(self) -> FloatArray:
        """The losses, smoothed over neighbouring steps."""
        return np.asarray(gaussian_filter1d(np.asarray(self.losses, float), self._width, mode="nearest"))

    @property
    def _width(self) -> float:
        return max(1.0, WIDTH * len(self.losses))

    @property
    def _first(self) -> int:
        return max(3, len(self.losses) // 10)

    @property
    def start(self) -> float:
        """The loss at the lowest rates, which learn nothing."""
        return float(np.mean(self.losses[: self._first]))

    @property
    def lowest(self) -> int:
        """The step with the lowest smoothed loss."""
        return int(self.smoothed.argmin())

    @property
    def falls(self) -> bool:
        """Whether the loss falls by more than chance, somewhere before its lowest."""
        if len(self.losses) < FEWEST or self.lowest < self._first:
            return False
        # Single steps differ more, the higher the rate.
        apart = np.abs(np.diff(self.losses, prepend=self.losses[1]))
        noise = math.sqrt(math.pi) / 2 * gaussian_filter1d(apart, self._width, mode="nearest")
        error = noise * math.sqrt(1 / self._first + 1 / (2 * math.sqrt(math.pi) * self._width))
        return bool(np.any((self.start - self.smoothed > CERTAIN * error)[: self.lowest + 1]))

    @property
    def steepest(self) -> int | None:
        """The step at which the loss falls fastest with the logarithm of the rate; None if it does not fall."""
        if not self.falls:
            return None
        return int(np.gradient(self.smoothed[: self.lowest + 1]).argmin())

    @property
    def suggestion(self) -> float | None:
        """The learning rate to train with, to two digits; None if the loss does not fall.

        Where the loss falls fastest, but at most a third of the rate with the lowest loss: a training is longer than
        the test, and what it can stand for some steps may destroy it in more.
        """
        place = self.steepest
        return None if place is None else float(f"{min(self.rates[place], self.rates[self.lowest] / MARGIN):.1e}")

    def figure(self) -> Figure:
        """The losses against the rates."""
        import altair as alt

        step = {"rate": list(self.rates), "loss": list(self.losses), "smoothed": self.smoothed.tolist()}
        points = [dict(zip(step, values, strict=True)) for values in zip(*step.values(), strict=True)]
        rate = alt.X("rate:Q", title="learning rate", scale=alt.Scale(type="log"), axis=alt.Axis(format="~e"))
        low, top = float(self.smoothed.min()), float(self.smoothed.max())
        high = min(top, self.start + 2 * (self.start - low)) if self.falls else top  # what diverged would hide the rest
        room = 0.1 * (high - low or 1.0)
        scale = alt.Scale(domain=[low - room, high + room])
        chart = alt.Chart(alt.Data(values=points))
        layers: list[alt.Chart] = [
            chart.mark_circle(size=14, opacity=0.35, color=BLUE, clip=True).encode(
                rate, alt.Y("loss:Q", title="loss of a step", scale=scale)
            ),
            chart.mark_line(color=BLUE, strokeWidth=2.2, clip=True).encode(rate, alt.Y("smoothed:Q", scale=scale)),
        ]
        words = "Dots: single steps; line: smoothed; what is off the scale is not shown"
        if (found := self.suggestion) is not None:
            mark = alt.Chart(alt.Data(values=[{"rate": found, "words": f"{found:.2g}"}]))
            layers.append(mark.mark_rule(color=VERMILLION, strokeDash=[4, 3], strokeWidth=2).encode(rate))
            layers.append(
                mark.mark_text(align="left", dx=6, dy=-6, fontWeight=600, color=INK).encode(
                    rate, y=alt.value(12), text="words:N"
                )
            )
            words += f"; dashed: the suggestion, {found:.2g}"
        drawn = alt.layer(*layers).properties(width="container", height=300).configure(**theme())
        return Figure("Loss at rising learning rates", f"{words}.", drawn, wide=True)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints of the test."""
        return {
            "learning_rate": self.suggestion,
            "points": [
                {"learning_rate": rate, "loss": loss, "smoothed": float(smoothed)}
                for rate, loss, smoothed in zip(self.rates, self.losses, self.smoothed, strict=True)
            ],
        }


def diverged(losses: Sequence[float]) -> bool:
    """Whether the last losses are so far above the lowest that higher rates need not be tried."""
    medians = [float(np.median(losses[end - LAST : end])) for end in range(LAST, len(losses) + 1)]
    return bool(medians) and medians[-1] > DIVERGED * min(medians)
