"""`luthier report`: the report of a run, written again."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from luthier.cli.output import Output


def report(out: Output, run: Annotated[Path, Argument(metavar="RUN", help="Run directory.")]) -> int:
    """Write the report of a run, even during training."""
    from luthier.api.report import report as write_report

    page = str(write_report(run))
    out.lines({"run": str(run), "report": page}, [page])
    return 0
