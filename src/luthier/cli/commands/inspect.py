"""`luthier inspect`: a report on the data, without training."""

from typing import Annotated

from typer import Option

from luthier.cli.options import (
    RUN,
    Allow,
    Data,
    Device,
    LabelColumns,
    LabelNames,
    Model,
    RoleColumns,
    Scratch,
    Set,
    Task,
    Test,
    TextColumns,
    Validation,
    names_of_labels,
    overrides,
)
from luthier.cli.output import Output

WOULD_STOP = 3


def inspect(
    out: Output,
    data: Data,
    task: Task = None,
    model: Model = None,
    from_scratch: Scratch = None,
    text: TextColumns = None,
    label: LabelColumns = None,
    column: RoleColumns = None,
    label_names: LabelNames = None,
    valid: Validation = None,
    test: Test = None,
    allow: Allow = None,
    settings: Set = None,
    cost: Annotated[
        bool,
        Option(metavar="", help="Measure a few batches to estimate the cost.", show_default=False, rich_help_panel=RUN),
    ] = False,
    all_rows: Annotated[
        bool,
        Option("--all", help="Read every row of large data, not a sample.", show_default=False, rich_help_panel=RUN),
    ] = False,
    device: Device = None,
) -> int:
    """Report on the data, without training.

    The exit code is 3 if a finding would stop `luthier train`.
    """
    given = {
        "task": task,
        "device": device,
        "model.name": model,
        "model.from_scratch": from_scratch,
        "data.validation": valid,
        "data.test": test,
        "data.allow": allow,
        "data.label_names": names_of_labels(label_names),
    }
    changes = overrides(given, text, label, column, settings)

    from luthier.api.inspect import inspect as inspect_data
    from luthier.reporting.terminal.inspection import inspection_pieces

    found = inspect_data(data, cost=cost, all_rows=all_rows, console=out.console, **changes)
    out.result(found.to_dict(), inspection_pieces)
    return WOULD_STOP if found.stops else 0
