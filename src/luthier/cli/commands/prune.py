"""`luthier prune`: remove the checkpoints of finished runs."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from luthier.cli.output import Output
from luthier.text import size


def prune(out: Output, runs: Annotated[list[Path], Argument(metavar="RUN...", help="Run directories.")]) -> int:
    """Remove the checkpoints of finished runs.

    Models, scores and reports are kept.
    """
    from luthier.api.prune import prune as remove

    found = remove(runs)
    lines = (f"{run['run']}  {size(run['freed_bytes'])} removed, {size(run['size_bytes'])} left" for run in found)
    out.lines({"runs": found}, lines)
    return 0
