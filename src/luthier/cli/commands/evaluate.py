"""`luthier evaluate`: the score of a model on data."""

from typing import Annotated

from typer import Argument

from luthier.cli.options import (
    Allow,
    Device,
    Json,
    LabelColumns,
    Quiet,
    RoleColumns,
    Set,
    Task,
    TextColumns,
    Verbose,
    overrides,
)
from luthier.cli.output import Output
from luthier.cli.scores import print_scores

Target = Annotated[str, Argument(metavar="RUN|MODEL", help="Run, model directory or hub name.")]
Rows = Annotated[list[str] | None, Argument(metavar="DATA", help="Data to score (default: the run's held-out rows).")]


def evaluate(
    target: Target,
    data: Rows = None,
    task: Task = None,
    text: TextColumns = None,
    label: LabelColumns = None,
    column: RoleColumns = None,
    allow: Allow = None,
    settings: Set = None,
    device: Device = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Score a model, with intervals and baselines."""
    out = Output(as_json=json, quiet=quiet, verbose=verbose)
    changes = overrides({"task": task, "device": device, "data.allow": allow}, text, label, column, settings)

    from luthier.api.evaluate import evaluate as evaluate_model

    found = evaluate_model(target, data or None, console=out.console, **changes)
    if json:
        out.json(found.to_dict())
    else:
        print_scores(out, found.to_dict())
        out.text(f"written to {found.directory}")
    return 0
