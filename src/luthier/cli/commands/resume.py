"""`luthier resume`: continue a run that stopped."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from luthier.cli.output import Output
from luthier.cli.scores import print_result, print_seeds, print_sizes


def resume(
    out: Output,
    run: Annotated[Path, Argument(metavar="RUN", help="Run directory, or a directory of several runs.")],
) -> int:
    """Resume a run from its newest intact checkpoint."""
    from luthier.api.resume import resume as resume_run
    from luthier.pipeline.several.seeds import SeedsResult
    from luthier.pipeline.several.size_scores import DataSizeTest

    result = resume_run(run, console=out.console)
    if isinstance(result, SeedsResult):
        print_seeds(out, result)
    elif isinstance(result, DataSizeTest):
        print_sizes(out, result)
    else:
        print_result(out, result)
    return 0
