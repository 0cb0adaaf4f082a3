"""`luthier resume`: continue a run that stopped."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from luthier.cli.options import Json, Quiet, Verbose
from luthier.cli.output import Output
from luthier.cli.scores import print_result


def resume(
    run: Annotated[Path, Argument(metavar="RUN", help="Run directory.")],
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Resume a run from its newest intact checkpoint."""
    out = Output(as_json=json, quiet=quiet, verbose=verbose)

    from luthier.api.resume import resume as resume_run

    print_result(out, resume_run(run, console=out.console))
    return 0
