"""`luthier report`: the report of a run, written again."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from luthier.cli.options import Json, Quiet, Verbose
from luthier.cli.output import Output


def report(
    run: Annotated[Path, Argument(metavar="RUN", help="Run directory.")],
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write the report of a run, even during training."""
    out = Output(as_json=json, quiet=quiet, verbose=verbose)

    from luthier.api.report import report as write_report

    page = str(write_report(run))
    if json:
        out.json({"run": str(run), "report": page})
    else:
        out.text(page)
    return 0
