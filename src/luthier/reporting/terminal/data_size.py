"""The score against the number of training rows, as `datasize` prints it."""

import math
from collections.abc import Sequence
from pathlib import Path

from luthier.learning_curves.data_size import TIMES, DataSizes, Estimate
from luthier.reporting import names
from luthier.reporting.data_size import SizeAdvice
from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.reporting.terminal.plot import Curve, plot
from luthier.text import count

POINTS, WIDTH, HEIGHT = 60, 72, 10


def size_pieces(
    found: DataSizes,
    metric: str,
    advice: SizeAdvice,
    directory: Path,
    *,
    picture: Path | None = None,
    notes: Sequence[str] = (),
    drawn: bool = False,
) -> list[Piece]:
    """Show the score of each size, the extrapolated ones, and the advice.

    Args:
        found: The scores.
        metric: Name of the metric.
        advice: What they say of more labels.
        directory: The directory of the runs.
        picture: Where they were drawn.
        notes: What limits the result.
        drawn: Draw them between the table and the advice.
    """
    rows = [
        [count(size), str(len(several)), _score(metric, one), ""]
        for size, several, one in zip(found.rows, found.scores, found.intervals, strict=True)
    ]
    if not found.undetermined:
        further = [times * found.rows[-1] for times in TIMES]
        rows += [[count(size), "", _score(metric, found.score(size)), "extrapolated"] for size in further]
    table = Grid(["training rows", "runs", names.metric(metric), ""], rows, (0, 1, 2))
    about = [("advice", advice.text), *(("note", note) for note in notes), ("runs", str(directory))]
    about += [("picture", str(picture))] if picture else []
    about += [("next", advice.command)] if advice.command else []
    return [table, *([f"{size_plot(found, metric)}\n"] if drawn else []), Fields(about)]


def size_plot(found: DataSizes, metric: str) -> str:
    """The scores and the fitted curve against the logarithm of the rows."""
    first, last = found.rows[0], found.rows[-1] * (1 if found.undetermined else max(TIMES))
    curves = [Curve([math.log(size / first) for size in found.rows], found.values.tolist(), "default", marked=True)]
    if not found.undetermined:
        steps = [math.log(last / first) * i / POINTS for i in range(POINTS + 1)]
        fitted = [float(sum(law.error(first * math.exp(step))[0] for law in found.laws)) / 2 for step in steps]
        curves.insert(0, Curve(steps, [found.scale.sign * error for error in fitted], "default"))
    axis = (count(first), f"{count(last)} training rows (log)")
    return f"{names.metric(metric)}\n{plot(curves, WIDTH, HEIGHT, axis=axis).plain}"


def _score(metric: str, found: Estimate) -> str:
    return names.score(metric, found.value, found.low, found.high)
