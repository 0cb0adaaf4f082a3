"""`luthier inspect`: a report on the data, without training."""

from typing import Annotated, Any

from typer import Option

from luthier.cli.options import RUN, Data
from luthier.cli.output import Output
from luthier.cli.settings import takes

WOULD_STOP = 3


@takes(
    "--task --model --from-scratch --text --label --column --label-names --valid --test",
    "--allow --set cost all_rows --device",
)
def inspect(
    out: Output,
    data: Data,
    changes: dict[str, Any],
    cost: Annotated[
        bool,
        Option(metavar="", help="Measure a few batches to estimate the cost.", show_default=False, rich_help_panel=RUN),
    ] = False,
    all_rows: Annotated[
        bool,
        Option("--all", help="Read every row of large data, not a sample.", show_default=False, rich_help_panel=RUN),
    ] = False,
) -> int:
    """Report on the data, without training.

    The exit code is 3 if a finding would stop `luthier train`.
    """
    from luthier.api.inspect import inspect as inspect_data
    from luthier.reporting.terminal.inspection import inspection_pieces

    found = inspect_data(data, cost=cost, all_rows=all_rows, console=out.console, **changes)
    out.result(found.to_dict(), inspection_pieces)
    return WOULD_STOP if found.stops else 0
