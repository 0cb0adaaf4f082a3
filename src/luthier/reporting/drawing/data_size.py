"""A picture of the score against the number of training rows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from luthier.learning_curves.data_size import TIMES, DataSizes, Estimate
from luthier.learning_curves.plot import BLUE, INK, VERMILLION, Figure, theme
from luthier.reporting import names
from luthier.text import count

if TYPE_CHECKING:
    import altair as alt

POINTS = 40  # of the extrapolated curve


def size_figure(found: DataSizes, metric: str) -> Figure:
    """The scores of all runs, the mean of each size with its interval, and the extrapolated curve if there is one."""
    import altair as alt

    reach = found.rows[-1] * (1 if found.undetermined else max(TIMES))
    ticks = sorted({*found.rows, *(times * found.rows[-1] for times in TIMES if not found.undetermined)})
    scale = alt.Scale(type="log", domain=[found.rows[0] / 1.1, reach * 1.1], nice=False)
    rows = alt.X("rows:Q", title="training rows", scale=scale, axis=alt.Axis(values=ticks, format=",d"))
    value = alt.Y("value:Q", title=names.metric(metric), scale=alt.Scale(zero=False))
    low = alt.Y("low:Q", title=names.metric(metric))
    layers: list[alt.Chart] = []
    words = "Small dots: runs; large dots: mean of each size with its 95 % interval"
    if not found.undetermined:
        grid = np.geomspace(found.rows[1], reach, POINTS).tolist()  # the smallest size may follow another law
        curve = _chart([(size, found.score(size)) for size in grid])
        end = alt.Chart(alt.Data(values=[{"rows": found.rows[-1]}]))
        layers += [
            curve.mark_area(color=BLUE, opacity=0.15).encode(rows, low, y2="high:Q"),
            curve.mark_line(color=BLUE, strokeWidth=2).encode(rows, value),
            end.mark_rule(color=INK, strokeDash=[3, 3], opacity=0.5).encode(rows),
        ]
        words += f"; line: power law with its 95 % interval, extrapolated beyond {count(found.rows[-1])} rows (dashed)"
    each = zip(found.rows, found.scores, strict=True)
    runs = [{"rows": size, "value": score} for size, several in each for score in several]
    means = _chart(list(zip(found.rows, found.intervals, strict=True)))
    layers += [
        alt.Chart(alt.Data(values=runs)).mark_circle(size=22, opacity=0.45, color=VERMILLION).encode(rows, value),
        means.mark_rule(color=VERMILLION, strokeWidth=2).encode(rows, low, y2="high:Q"),
        means.mark_circle(size=70, color=VERMILLION, opacity=1).encode(rows, value),
    ]
    chart = alt.layer(*layers).properties(width="container", height=300).configure(**theme())
    return Figure("Score against training rows", f"{words}.", chart, wide=True)


def _chart(points: Sequence[tuple[float, Estimate]]) -> "alt.Chart":
    import altair as alt

    return alt.Chart(alt.Data(values=[{"rows": rows, **asdict(one)} for rows, one in points]))
