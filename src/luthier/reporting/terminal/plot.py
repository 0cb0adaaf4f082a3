"""Curves as text: lines of braille dots, 2 x 4 in each character, and marks for single points."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

BLANK, DOTS = 0x2800, ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column
MARK = "●"


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of a plot.

    Args:
        steps: Its steps, increasing.
        values: A finite value for each.
        style: Colour, as rich names it.
        marked: Draw each point as a mark, not a line of dots; it can be told apart without colours.
    """

    steps: Sequence[float]
    values: Sequence[float]
    style: str
    marked: bool = False


def plot(
    curves: Sequence[Curve], width: int, height: int, *, last_step: int = 0, axis: tuple[str, str] | None = None
) -> Text:
    """Draw curves against steps, with the range of the values on the left.

    Args:
        curves: With at least one point in all.
        width: Characters per line, of which the labels take some.
        height: Lines, of which the last has the steps.
        last_step: Where the axis of steps ends; at the last point if that is later.
        axis: Labels of its two ends (default: 0 and the last step).
    """
    values = [value for curve in curves for value in curve.values]
    low, high = min(values), max(values)
    span = high - low or abs(high) or 1.0
    end = max(last_step, *(curve.steps[-1] for curve in curves if curve.steps)) or 1
    lines = max(2, height - 1)
    labels = {line: f"{high - span * line / (lines - 1):.3g}" for line in (0, (lines - 1) // 2, lines - 1)}
    margin = max(map(len, labels.values()))
    columns = max(1, width - margin - 1)
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    marks: dict[tuple[int, int], str] = {}
    for curve in curves:
        points = [
            (min(1.0, step / end) * (2 * columns - 1), (high - value) / span * (4 * lines - 1))
            for step, value in zip(curve.steps, curve.values, strict=True)
        ]
        if curve.marked:
            marks |= {(int(y) // 4, int(x) // 2): curve.style for x, y in points}
            continue
        for (x, y), (next_x, next_y) in zip(points, [*points[1:], *points[-1:]], strict=True):
            n = max(1, math.ceil(max(abs(next_x - x), abs(next_y - y))))
            for i in range(n):
                column, row = round(x + (next_x - x) * i / n), round(y + (next_y - y) * i / n)
                place = (row // 4, column // 2)
                cells[place] = (cells.get(place, (0, ""))[0] | DOTS[row % 4][column % 2], curve.style)
    drawn = Text(no_wrap=True)
    for line in range(lines):
        drawn.append(f"{labels.get(line, ''):>{margin}} ", "dim")
        for column in range(columns):
            dots, style = cells.get((line, column), (0, ""))
            marked = marks.get((line, column))
            drawn.append(MARK if marked else chr(BLANK + dots) if dots else " ", marked or style)
        drawn.append("\n")
    left, right = axis or ("0", f"step {end:,}")
    drawn.append(f"{'':{margin}} {left}{right:>{max(0, columns - len(left))}}", "dim")
    return drawn
