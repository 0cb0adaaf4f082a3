"""Charts of learning curves in Vega-Lite, for the report (drawn in the browser) and as PNG or SVG files."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luthier import text
from luthier.errors import UsageError
from luthier.learning_curves.record import Series
from luthier.storage.atomic import write_bytes, write_text

if TYPE_CHECKING:
    import altair as alt

# The four colours of Okabe & Ito (2008) with a contrast of 3:1 on white and on near-black. The same thing has the same
# colour on every page.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORDER = (BLUE, VERMILLION, GREEN, PURPLE)
TRAIN, EVAL, AVERAGED = BLUE, VERMILLION, GREEN
# Axes and labels take the colour of the text around the chart, in light and dark mode.
INK = "currentColor"
MOST_POINTS = 1200
ZOOM = "alt + wheel zooms, dragging pans, a double click resets"

Point = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with title and caption.

    Args:
        title: Heading.
        caption: What the chart shows and how to read it.
        chart: The Altair chart.
        wide: Whether it needs the full width of a page.
    """

    title: str
    caption: str
    chart: "alt.LayerChart"
    wide: bool = False

    def spec(self) -> dict[str, Any]:
        """The chart as Vega-Lite JSON, without the URL of the schema."""
        # These charts are valid for any values; checking them against the schema takes longer than building them.
        spec: dict[str, Any] = self.chart.to_dict(validate=False)
        spec.pop("$schema", None)
        spec["description"] = f"{self.title}. {self.caption}"
        return spec


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart.

    Args:
        label: Label at the end of the line.
        series: The points.
        colour: Colour of the line.
        smooth: Draw a running mean over faint raw points; otherwise, connect the points.
    """

    label: str
    series: Series
    colour: str
    smooth: bool = False


def figures(
    curves: Mapping[str, Series],
    best_step: int | None = None,
    *,
    metric_name: Callable[[str], str] = str,
    loss_unit: str = "nats",
) -> list[Figure]:
    """The charts of one run: loss first and wide, then one for each metric and each training quantity.

    Args:
        curves: As `read_curves` returns them.
        best_step: Step whose weights became the model, marked in each chart.
        metric_name: Function from a metric to its name in headings.
        loss_unit: Unit of the loss: nats for a cross-entropy.
    """
    found = []
    loss = [
        Line("train", curves["train/loss"], TRAIN, smooth=True) if "train/loss" in curves else None,
        Line("evaluation", curves["eval/loss"], EVAL) if "eval/loss" in curves else None,
        Line("EMA", curves["eval/ema_loss"], AVERAGED) if "eval/ema_loss" in curves else None,
    ]
    lines = [line for line in loss if line and line.series.finite().steps]
    if lines:
        found.append(picture("Loss", lines, unit=f"loss ({loss_unit})", best_step=best_step, wide=True))
    for name in sorted(curves, key=_rank):
        kind, _, leaf = name.partition("/")
        beside = kind == "eval" and leaf.startswith("ema_") and f"eval/{leaf.removeprefix('ema_')}" in curves
        # A chart of one point shows nothing.
        if leaf == "loss" or beside or len(curves[name].finite().steps) < 2:
            continue
        several = [Line("", curves[name], EVAL if kind == "eval" else TRAIN, smooth=leaf in _NOISY)]
        averaged = curves.get(f"{kind}/ema_{leaf}", Series())
        if averaged.finite().steps:
            several = [replace(several[0], label="raw"), Line("EMA", averaged, AVERAGED)]
        title = _TITLES.get(leaf) or metric_name(leaf)
        found.append(picture(title, several, unit=unit_of(leaf), best_step=best_step, axis=_FORMATS.get(leaf)))
    return found


_TITLES = {"learning_rate": "Learning rate", "grad_norm": "Gradient norm", "tokens_per_second": "Speed"}
_UNITS = {"learning_rate": "learning rate", "grad_norm": "L2 norm before clipping", "tokens_per_second": "tokens/s"}
# Metrics that are not shares.
_METRIC_UNITS = {
    "perplexity": "perplexity",
    "bits_per_byte": "bits per byte",
    "bleu": "score (0-100)",
    "chrf": "score (0-100)",
}
_FORMATS = {"learning_rate": "~e", "tokens_per_second": "~s"}
_NOISY = ("grad_norm", "tokens_per_second", "loss")


def unit_of(name: str) -> str:
    """The y axis title of a curve: `perplexity`, `tokens/s`; `score` for a metric that is a share.

    Args:
        name: Name of the curve, without `train/` or `eval/`.
    """
    return _UNITS.get(name) or _METRIC_UNITS.get(name, "score")


def _rank(name: str) -> tuple[int, str]:
    kind, _, leaf = name.partition("/")
    return (list(_UNITS).index(leaf) + 1 if leaf in _UNITS else 0 if kind == "eval" else 9), name


def picture(
    title: str,
    lines: Sequence[Line],
    *,
    unit: str,
    best_step: int | None = None,
    wide: bool = False,
    axis: str | None = None,
) -> Figure:
    """Draw curves against optimizer steps, each labelled at its end.

    Args:
        title: Heading.
        lines: The curves; they share the unit.
        unit: Title of the y axis.
        best_step: Step to mark.
        wide: Draw over the full width, with a caption that explains the marks; small charts have no such caption.
        axis: Number format of the y axis (d3); None for Vega's default.
    """
    import altair as alt

    height = 300 if wide else 150
    steps = alt.Axis(tickMinStep=1, format="~s")
    step = alt.X("step:Q", title="optimizer step", axis=steps, scale=alt.Scale(nice=False, padding=5))
    numbers = alt.Axis(format=axis) if axis else alt.Axis()
    drawn_values = [value for line in lines for value in line.series.finite().values]
    value = alt.Y("value:Q", title=unit, axis=numbers, scale=_value_scale(drawn_values))
    layers: list[alt.Chart] = []
    words: list[str] = []
    notes: list[str] = []
    ends = [_end(line) for line in lines]
    shifts = _spread([end["value"] for end in ends], drawn_values, height)
    for line, end, shift in zip(lines, ends, shifts, strict=True):
        drawn, note = thin(line.series.finite())
        notes += [f"{line.label or 'curve'}: {note}"] if note else []
        notes += _words_on_gaps(line)
        points = alt.Chart(alt.Data(values=_points(drawn, line.label)))
        if line.smooth and len(line.series.steps) > 4:
            window, smoothed = smooth(line.series.finite())
            layers.append(points.mark_circle(size=12, opacity=0.28, color=line.colour, clip=wide).encode(step, value))
            curve = alt.Chart(alt.Data(values=_points(thin(smoothed)[0], line.label)))
            layers.append(curve.mark_line(color=line.colour, strokeWidth=2.2, clip=wide).encode(step, value))
            words.append(f"dots: single steps; line: moving average over {window} steps")
        else:
            marker = {"size": 34, "filled": True, "color": line.colour} if len(drawn.steps) <= 60 else False
            layers.append(points.mark_line(color=line.colour, strokeWidth=2, point=marker).encode(step, value))
        if line.label:
            label = alt.Chart(alt.Data(values=[end | {"label": line.label}]))
            # Pinned to the right edge, so that it stays there when the reader zooms.
            words_at_end = label.mark_text(align="left", dx=8, dy=shift, fontWeight=600, fontSize=12, clip=False)
            layers.append(words_at_end.encode(x=alt.value("width"), y=value, text="label:N"))
            layers.append(label.mark_circle(size=44, color=line.colour, opacity=1).encode(step, value))
    if best_step is not None:
        mark = alt.Chart(alt.Data(values=[{"step": best_step}]))
        layers.insert(0, mark.mark_rule(color=INK, opacity=0.45, strokeDash=[3, 3]).encode(x=step))
        words.append(f"dashed: step {text.count(best_step)}, whose weights became the model")
    layers += _hover(lines, step, value, zoom=wide)
    room = 12 + max((7 * len(line.label) for line in lines), default=0)
    chart = alt.layer(*layers).properties(
        width="container", height=height, padding={"left": 4, "top": 8, "bottom": 4, "right": room}
    )
    return Figure(title, _sentence([*words, *notes, ZOOM] if wide else notes), chart.configure(**theme()), wide)


def _value_scale(values: Sequence[float]) -> "alt.Scale":
    import altair as alt

    low, high = min(values), max(values)
    if low < high:
        return alt.Scale(zero=False, nice=True)
    # For a single value, Vega would round the labels of the axis to another value.
    room = 0.1 * abs(low) or 0.1
    return alt.Scale(domain=[low - room, high + room], nice=True)


def _hover(lines: Sequence[Line], step: "alt.X", value: "alt.Y", *, zoom: bool) -> "list[alt.Chart]":
    """The interactive layers: a tooltip on each point, and zoom along the steps."""
    import altair as alt

    values = [point for line in lines for point in _points(thin(line.series.finite())[0], line.label)]
    tooltip = [alt.Tooltip("step:Q", format=",d"), alt.Tooltip("value:Q", format=".4~g")]
    if any(line.label for line in lines):
        tooltip.insert(0, alt.Tooltip("curve:N"))
    # Not `nearest`: Vega-Lite's tooltips then lose the text fields.
    under = alt.selection_point(name="under", on="pointerover", empty=False, clear="pointerout")
    base = alt.Chart(alt.Data(values=values))
    points = base.mark_point(filled=True, size=110, color=INK).encode(
        step, value, opacity=alt.condition(under, alt.value(0.9), alt.value(0)), tooltip=tooltip
    )
    if not zoom:
        return [points.add_params(under)]
    # Without alt, the wheel scrolls the page.
    scales = alt.selection_interval(name="zoom", bind="scales", encodings=["x"], zoom="wheel![event.altKey]")
    return [points.add_params(under, scales)]


def theme() -> dict[str, Any]:
    """The style that all charts share, as Vega-Lite configuration."""
    words = {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": 500,
        "labelOpacity": 0.8,
        "titleOpacity": 0.8,
    }
    return {
        "font": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
        "background": "transparent",
        "view": {"stroke": None},
        "text": {"color": INK},
        "title": {"color": INK},
        "axis": words
        | {
            "gridColor": INK,
            "gridOpacity": 0.1,
            "domain": False,
            "tickColor": INK,
            "tickOpacity": 0.3,
            "tickSize": 4,
            "labelPadding": 5,
        },
        "axisX": {"grid": False, "tickCount": 6, "labelFlush": True},
        "axisY": {"ticks": False, "tickCount": 5},
        "legend": words,
    }


def save(figure: Figure, path: Path) -> Path:
    """Save a figure to a file that ends in .png or .svg.

    Raises:
        UsageError: It ends in something else.
    """
    import vl_convert

    spec = figure.spec() | {"width": 760, "background": "white"}
    match path.suffix.lower():
        case ".svg":
            write_text(path, vl_convert.vegalite_to_svg(spec))
        case ".png":
            write_bytes(path, vl_convert.vegalite_to_png(spec, scale=2))
        case _:
            raise UsageError("pictures are written as .png or .svg", where=str(path), hint="change the file extension")
    return path


def smooth(series: Series) -> tuple[int, Series]:
    """A running mean, centred so that it does not lag; the window is about a twentieth of the points.

    Returns:
        The window in points, and the smoothed series at the same steps.
    """
    n = len(series.steps)
    half = max(1, n // 40)
    sums = np.concatenate([[0.0], np.cumsum(series.values)])
    places = np.arange(n)
    # Towards the ends the window shrinks on both sides alike, or the mean would be biased inwards; only to half,
    # or the last point would be a single step.
    reach = np.maximum(np.minimum(half, np.minimum(places, n - 1 - places)), half // 2)
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, n)
    means = (sums[high] - sums[low]) / (high - low)
    return 2 * half + 1, Series(list(series.steps), means.tolist())


def thin(series: Series) -> tuple[Series, str]:
    """At most `MOST_POINTS` points, the lowest and the highest of each stretch, so that no spike is lost.

    Returns:
        The points, and a note on what was dropped; empty if nothing was.
    """
    n = len(series.steps)
    if n <= MOST_POINTS:
        return series, ""
    values = np.asarray(series.values)
    kept: set[int] = {0, n - 1}
    for stretch in np.array_split(np.arange(n), MOST_POINTS // 2 - 1):
        kept |= {int(stretch[values[stretch].argmin()]), int(stretch[values[stretch].argmax()])}
    places = sorted(kept)
    note = f"{text.count(len(places))} of {text.count(n)} points drawn, the minimum and maximum of each interval"
    return Series([series.steps[i] for i in places], [series.values[i] for i in places]), note


def _points(series: Series, label: str) -> list[Point]:
    """The data rows of a chart, with values to five digits."""
    named = {"curve": label} if label else {}
    return [
        named | {"step": step, "value": float(f"{value:.5g}")}
        for step, value in zip(series.steps, series.values, strict=True)
    ]


def _end(line: Line) -> Point:
    series = line.series.finite()
    if line.smooth and len(series.steps) > 4:
        series = smooth(series)[1]
        tail = series.values[-max(1, len(series.values) // 20) :]
        return {"step": series.steps[-1], "value": sum(tail) / len(tail)}
    return {"step": series.steps[-1], "value": series.values[-1]}


def _spread(ends: Sequence[float], drawn: Sequence[float], height: int) -> list[int]:
    """Pixels to move each label down, so that labels of close values do not overlap.

    Args:
        ends: Value at the end of each line, where its label is.
        drawn: All values of the chart, which the axis spans.
        height: Height of the chart in pixels.
    """
    gap = 14.0
    span = max(drawn) - min(drawn) or 1.0
    places = [height * (max(drawn) - end) / span for end in ends]
    order = sorted(range(len(ends)), key=lambda i: places[i])
    moved = list(places)
    for upper, lower in itertools.pairwise(order):
        moved[lower] = max(moved[lower], moved[upper] + gap)
    # Move everything up by half of the largest shift, so that a pair of labels is centred on its ends.
    slack = [moved[i] - places[i] for i in order]
    lift = max(slack, default=0.0) / 2
    return [round(moved[i] - places[i] - lift) if lift else 0 for i in range(len(ends))]


def _words_on_gaps(line: Line) -> list[str]:
    bad = [step for step, value in zip(line.series.steps, line.series.values, strict=True) if not math.isfinite(value)]
    name = f"{line.label}: " if line.label else ""
    words = f"{name}{text.plural(len(bad), 'value')} not finite (not drawn), at steps {text.listing(bad)}"
    return [words] if bad else []


def _sentence(notes: Sequence[str]) -> str:
    joined = "; ".join(notes)
    return f"{joined[0].upper()}{joined[1:]}." if joined else ""
