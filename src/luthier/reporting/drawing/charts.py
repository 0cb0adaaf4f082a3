"""Charts of panels and of tokenizers, in the style of the learning curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from luthier import text
from luthier.learning_curves.plot import BLUE, INK, MOST_POINTS, ORDER, VERMILLION, Figure, theme
from luthier.reporting import names
from luthier.reporting.panels import Histogram, Reliability, Scatter, Tradeoff

if TYPE_CHECKING:
    import altair as alt

MOST_DOTS = 2000


def scatter(panel: Scatter) -> Figure:
    """Predicted against true numbers, with the line on which they are equal."""
    import altair as alt

    pairs = [(g, p) for g, p in zip(panel.gold, panel.predicted, strict=True) if np.isfinite(g) and np.isfinite(p)]
    shown = pairs
    caption = "Each dot is a row; predictions on the line are exact."
    if len(pairs) > MOST_DOTS:
        shown = [pairs[i] for i in _spread(len(pairs), MOST_DOTS)]
        caption += f" {text.count(MOST_DOTS)} of {text.count(len(pairs))} rows drawn, evenly spaced."
    unit = f" ({panel.unit})" if panel.unit else ""
    low, high = _limits([number for pair in pairs for number in pair])
    scale = alt.Scale(domain=[low, high], nice=False)
    x = alt.X("true:Q", title=f"true{unit}", scale=scale)
    y = alt.Y("predicted:Q", title=f"predicted{unit}", scale=scale)
    dots = alt.Chart(_values([{"true": _short(g), "predicted": _short(p)} for g, p in shown])).mark_circle(
        color=BLUE, opacity=0.4, size=26
    )
    dots = dots.encode(x, y, tooltip=["true:Q", "predicted:Q"])
    chart = alt.layer(_line(((low, low), (high, high)), x, y, ("true", "predicted")), dots)
    return Figure(panel.title, caption, _sized(chart, 340), wide=False)


def reliability(panel: Reliability) -> Figure:
    """Accuracy against confidence, also before calibration, with the line of perfect calibration."""
    import altair as alt

    names = {"before calibration": panel.before, "calibrated": panel}
    bins = [
        {"confidence": _short(b.confidence), "accuracy": _short(b.accuracy), "count": b.count, "scores": name}
        for name, shown in names.items()
        if shown
        for b in shown.bins
        if b.count
    ]
    scale = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("confidence:Q", title="confidence (mean of the bin)", scale=scale)
    y = alt.Y("accuracy:Q", title="accuracy (share right)", scale=scale)
    legend = alt.Legend(orient="top", title=None, columns=1, symbolOpacity=1) if panel.before else None
    colour = alt.Color("scores:N", scale=alt.Scale(domain=[*names], range=[VERMILLION, BLUE]), legend=legend)
    base = alt.Chart(_values(bins))
    line = base.mark_line(strokeWidth=2, opacity=0.5).encode(x, y, colour)
    dots = base.mark_circle(opacity=0.9).encode(
        x,
        y,
        colour,
        size=alt.Size("count:Q", legend=None, scale=alt.Scale(range=[30, 500])),
        tooltip=["confidence:Q", "accuracy:Q", "count:Q"],
    )
    error = text.number(panel.error)
    if panel.before:
        error += f" ({text.number(panel.before.error)} before calibration)"
    caption = (
        f"Expected calibration error {error}: the average gap between confidence and accuracy. "
        "Below the line the model is overconfident; larger dots hold more rows."
    )
    chart = alt.layer(_line(((0, 0), (1, 1)), x, y, ("confidence", "accuracy")), line, dots)
    return Figure(panel.title, caption, _sized(chart, 340), wide=False)


def tradeoff(panel: Tradeoff) -> Figure:
    """One rate against another, with the line of random scores and the threshold in use."""
    import altair as alt

    scale = alt.Scale(domain=[0, 1], nice=False)
    x_name, y_name = panel.names
    x = alt.X(f"{x_name}:Q", title=x_name, scale=scale)
    y = alt.Y(f"{y_name}:Q", title=y_name, scale=scale)
    places = _spread(len(panel.x), MOST_POINTS)
    points = [{x_name: _short(panel.x[i]), y_name: _short(panel.y[i]), "place": at} for at, i in enumerate(places)]
    line = alt.Chart(_values(points)).mark_line(color=BLUE, strokeWidth=2)
    layers = [_line(panel.chance, x, y, panel.names), line.encode(x, y, order="place:Q")]
    area = panel.area
    score = names.score("", area.value, area.low, area.high)
    caption = f"Area under the curve {score}; dashed: random guessing."
    if panel.chosen is not None:
        dot = alt.Chart(_values([{x_name: _short(panel.chosen[0]), y_name: _short(panel.chosen[1])}]))
        layers.append(
            dot.mark_circle(color=VERMILLION, size=120, opacity=1).encode(x, y, tooltip=[f"{x_name}:Q", f"{y_name}:Q"])
        )
        caption += " The dot is the threshold in use."
    return Figure(panel.title, caption, _sized(alt.layer(*layers), 340), wide=False)


def histogram(panel: Histogram, *, mark: float | None = None, mark_name: str = "") -> Figure:
    """Draw a histogram.

    Args:
        panel: What to draw.
        mark: Value to mark with a line, such as the length at which rows are truncated.
        mark_name: What the line means, for the caption.
    """
    import altair as alt

    bars = [
        {"low": float(low), "high": float(high), "rows": n}
        for low, high, n in zip(panel.edges[:-1], panel.edges[1:], panel.counts, strict=True)
    ]
    x = alt.X("low:Q", title=panel.unit or None, scale=alt.Scale(nice=False, zero=False))
    drawn = alt.Chart(_values(bars)).mark_bar(color=BLUE, opacity=0.85, orient="vertical")
    layers = [drawn.encode(x, x2="high:Q", y=alt.Y("rows:Q", title="rows"), tooltip=["low:Q", "high:Q", "rows:Q"])]
    notes = [panel.note] if panel.note else []
    if mark is not None and mark <= panel.edges[-1]:
        rule = alt.Chart(_values([{"low": mark}]))
        layers.append(rule.mark_rule(color=VERMILLION, strokeWidth=2, strokeDash=[4, 3]).encode(x))
        notes.append(f"Dashed: {mark_name}.")
    return Figure(panel.title, " ".join(notes), _sized(alt.layer(*layers), 200), wide=True)


def ranges(title: str, caption: str, unit: str, rows: Mapping[str, Sequence[float]], limit: float) -> Figure:
    """Several distributions below each other, with a limit that is marked.

    Args:
        title: Heading.
        caption: What the chart shows.
        unit: Name of the x axis.
        rows: Name to the quantiles 5 %, 25 %, 50 %, 75 % and 95 % of each distribution.
        limit: Where to draw a dashed line, if it is within the chart.
    """
    import altair as alt

    names = ("p5", "p25", "median", "p75", "p95")
    points = [
        {"name": name, **dict(zip(names, map(_short, quantiles), strict=True))} for name, quantiles in rows.items()
    ]
    base = alt.Chart(_values(points)).encode(
        alt.Y("name:N", sort=list(rows), title=None), tooltip=["name:N", *(f"{name}:Q" for name in names)]
    )
    x = alt.X("p5:Q", title=unit, scale=alt.Scale(zero=True))
    layers = [
        base.mark_rule(color=INK, opacity=0.5).encode(x, x2="p95:Q"),
        base.mark_bar(color=BLUE, opacity=0.6, height=14).encode(x="p25:Q", x2="p75:Q"),
        base.mark_tick(color=INK, thickness=3, size=18).encode(x="median:Q"),
    ]
    if limit <= max(quantiles[-1] for quantiles in rows.values()):
        rule = alt.Chart(_values([{"p5": limit}]))
        layers.append(rule.mark_rule(color=VERMILLION, strokeWidth=2, strokeDash=[4, 3]).encode(x))
        caption += f" Dashed: {text.count(round(limit))}, the maximum length."
    return Figure(title, caption, _sized(alt.layer(*layers), 26 * len(rows) + 20), wide=True)


def parts(title: str, caption: str, unit: str, rows: Mapping[str, Mapping[str, float]]) -> Figure:
    """Amounts in parts: a bar for each row, whose parts have the same colours in each.

    Args:
        title: Heading.
        caption: What the chart shows.
        unit: Name of the x axis.
        rows: Name to the amount of each part, three parts at most.
    """
    import altair as alt

    values = [
        {"name": name, "part": part, "amount": amount, "place": place}
        for name, row in rows.items()
        for place, (part, amount) in enumerate(row.items())
    ]
    names = list(next(iter(rows.values())))
    legend = alt.Legend(orient="top", title=None, symbolOpacity=1)
    bars = alt.Chart(_values(values)).mark_bar(opacity=0.85, height=16)
    drawn = bars.encode(
        alt.X("amount:Q", title=unit, stack="zero"),
        alt.Y("name:N", sort=list(rows), title=None),
        alt.Color("part:N", scale=alt.Scale(domain=names, range=list(ORDER[: len(names)])), legend=legend),
        order="place:Q",
        tooltip=["name:N", "part:N", "amount:Q"],
    )
    return Figure(title, caption, _sized(alt.layer(drawn), 26 * len(rows) + 20), wide=True)


def _sized(chart: "alt.LayerChart | alt.FacetChart", height: int) -> "alt.LayerChart":
    sized = chart.properties(width="container", height=height, padding={"left": 4, "top": 8, "bottom": 4, "right": 16})
    return sized.configure(**theme())


def _line(ends: Sequence[tuple[float, float]], x: "alt.X", y: "alt.Y", names: tuple[str, str]) -> "alt.Chart":
    """A dashed line to compare with, between two points."""
    import altair as alt

    line = alt.Chart(_values([dict(zip(names, end, strict=True)) for end in ends]))
    return line.mark_line(color=INK, opacity=0.4, strokeDash=[3, 3]).encode(x, y)


def _spread(n: int, most: int) -> list[int]:
    """The places of at most so many of n points, evenly spaced, with the first and the last."""
    return np.linspace(0, n - 1, min(n, most)).astype(int).tolist()


def _values(rows: Sequence[dict[str, Any]]) -> "alt.Data":
    import altair as alt

    return alt.Data(values=list(rows))


def _limits(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 0.5
    return low - room, high + room


def _short(value: float) -> float:
    return float(f"{value:.5g}")
