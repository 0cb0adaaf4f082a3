"""`luthier track`: the curves of a run, sent to trackers."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from luthier.cli.output import Output
from luthier.text import plural


def track(
    out: Output,
    run: Annotated[Path, Argument(metavar="RUN", help="Run directory, or a directory of several runs.")],
    to: Annotated[list[str] | None, Option(metavar="NAME", help="Tracker (default: the recipe's); repeatable.")] = None,
    project: Annotated[str | None, Option(metavar="NAME", help="Project or experiment.")] = None,
    name: Annotated[str | None, Option(metavar="NAME", help="Name of the run in the tracker.")] = None,
) -> int:
    """Send the curves of a run to trackers.

    Points that a tracker already has are not sent again.
    """
    from luthier.api.learning_curves.track import track as send

    found = send(run, to or (), project=project, run_name=name)
    lines = (f"{tracker}: {plural(points, 'point')}" for tracker, points in found.items())
    out.lines({"run": str(run), "points": found}, lines)
    return 0
