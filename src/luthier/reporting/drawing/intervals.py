"""Intervals drawn in table cells: a score and its baselines on a scale that the table shares."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from luthier import text
from luthier.reporting.panels import Cell, Score

# Width of the drawing and its margin on either side (for half a dot), in SVG units.
WIDTH = 120
EDGE = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of values that the drawings of a column share."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float | None]) -> "Scale":
        """The range of the values, widened to round numbers."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        if not known:
            return cls(0.0, 1.0)
        low, high = min(known), max(known)
        # A range below the precision of its ends is drawn as one value.
        span = high - low if high - low > 1e-9 * max(abs(low), abs(high)) else abs(high) or 1.0
        digits = min(12, -math.floor(math.log10(span)))
        unit = 10.0**-digits
        # Rounded first: 0.6 / 0.1 is 5.999...
        first, last = math.floor(round(low / unit, 9)), math.ceil(round(high / unit, 9))
        return cls(round(first * unit, digits), round(max(last, first + 1) * unit, digits))

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends, formatted with as few decimals as represent them exactly."""
        close = 1e-6 * (self.high - self.low)
        digits = next(n for n in range(13) if n == 12 or all(abs(round(end, n) - end) < close for end in self._both))
        low, high = (text.number(end, digits) if digits else text.count(round(end)) for end in self._both)
        return low, high

    @property
    def _both(self) -> tuple[float, float]:
        return self.low, self.high

    def at(self, value: float) -> float:
        """Position of a value in the drawing; values outside the scale are clipped to it."""
        inner = WIDTH - 2 * EDGE
        return round(EDGE + inner * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low), 1)


@dataclass(frozen=True, slots=True)
class Mark:
    """A drawing: a dot with whiskers, and a tick for each baseline.

    Args:
        dot: Position of the score.
        low: Left end of the whiskers; None where there is no interval.
        high: Right end of the whiskers.
        ticks: Positions of the baselines.
    """

    dot: float
    low: float | None
    high: float | None
    ticks: tuple[float, ...] = ()


def mark(scale: Scale, score: Score, rivals: Sequence[float | None] = ()) -> Mark | None:
    """Draw a score; None where it is not defined."""
    if score.value is None:
        return None
    whole = score.low is not None and score.high is not None
    return Mark(
        dot=scale.at(score.value),
        low=scale.at(score.low) if whole and score.low is not None else None,
        high=scale.at(score.high) if whole and score.high is not None else None,
        ticks=tuple(scale.at(rival) for rival in rivals if rival is not None),
    )


def table_scale(rows: Sequence[Sequence[Cell]]) -> Scale | None:
    """The scale that the scores of a table share; None where no cell has an interval."""
    scores = [cell for row in rows for cell in row if isinstance(cell, Score)]
    if not any(score.low is not None for score in scores):
        return None
    return Scale.over(value for score in scores for value in (score.value, score.low, score.high))
