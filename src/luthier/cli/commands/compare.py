"""`luthier compare`: runs side by side."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from luthier.cli.output import Output
from luthier.errors import UsageError
from luthier.reporting.terminal.comparison import comparison_pieces


def compare(
    out: Output,
    runs: Annotated[list[Path], Argument(metavar="RUN", help="Runs or directories of seeds, the reference first.")],
    output: Annotated[Path | None, Option(metavar="FILE", help="Write a page with the learning curves.")] = None,
) -> int:
    """Compare the scores, recipes and curves of runs."""
    if len(runs) == 1:
        raise UsageError("compare needs at least two runs", where=str(runs[0]), hint="add another run")

    from luthier.api.compare import compare as compare_runs

    out.result(compare_runs(runs, output=output).to_dict(), comparison_pieces)
    return 0
