"""`luthier datasize`: whether more labels would help."""

from pathlib import Path
from typing import Annotated

from typer import Option

from luthier.cli.commands.learning_curves.curves import DRAWN
from luthier.cli.options import (
    RUN,
    TRAINING,
    Allow,
    BatchSize,
    DataOrRecipe,
    Device,
    Epochs,
    LabelColumns,
    LearningRate,
    Lora,
    MaxSteps,
    Model,
    RoleColumns,
    Scratch,
    Seed,
    Set,
    Task,
    Test,
    TextColumns,
    Validation,
    overrides,
)
from luthier.cli.output import Output, check_output
from luthier.cli.scores import print_sizes
from luthier.errors import UsageError

SIZES = "Sizes"


def datasize(
    out: Output,
    data: DataOrRecipe,
    at: Annotated[
        str | None,
        Option(metavar="A,B...", help="Shares or numbers of rows (default: 0.1,0.25,0.5,1).", rich_help_panel=SIZES),
    ] = None,
    repeats: Annotated[int, Option(metavar="N", help="Runs of each size but all rows.", rich_help_panel=SIZES)] = 3,
    output: Annotated[
        Path | None, Option(metavar="FILE", help="Draw the scores to an .svg or .png.", rich_help_panel=SIZES)
    ] = None,
    task: Task = None,
    model: Model = None,
    from_scratch: Scratch = None,
    lora: Lora = False,
    text: TextColumns = None,
    label: LabelColumns = None,
    column: RoleColumns = None,
    valid: Validation = None,
    test: Test = None,
    epochs: Epochs = None,
    max_steps: MaxSteps = None,
    max_time: Annotated[
        str | None, Option(metavar="TIME", help="Time for each training, such as 10m.", rich_help_panel=TRAINING)
    ] = None,
    batch_size: BatchSize = None,
    lr: LearningRate = None,
    seed: Seed = None,
    run_dir: Annotated[
        Path | None,
        Option(metavar="DIR", help="Directory of the runs (default: new, in runs/).", rich_help_panel=RUN),
    ] = None,
    allow: Allow = None,
    settings: Set = None,
    dry_run: Annotated[
        bool, Option("--dry-run", metavar="", help="Print the runs and their cost, and exit.", rich_help_panel=RUN)
    ] = False,
    device: Device = None,
) -> int:
    """Say whether more labels would help.

    It trains on parts of the training rows, and extrapolates the score to two and four times the rows.
    With the --run-dir of an unfinished one, it goes on.
    """
    check_output(output, "a picture", DRAWN)
    given = {
        "task": task,
        "seed": seed,
        "device": device,
        "model.name": model,
        "model.from_scratch": from_scratch,
        "model.adapter.kind": "lora" if lora else None,
        "data.validation": valid,
        "data.test": test,
        "data.allow": allow,
        "training.epochs": epochs,
        "training.max_steps": max_steps,
        "training.max_time": max_time,
        "training.batch_size": batch_size,
        "training.learning_rate": lr,
    }
    changes, sizes = overrides(given, text, label, column, settings), _numbers(at)

    from luthier.api.learning_curves.datasize import datasize as measure
    from luthier.api.learning_curves.datasize import plan

    if dry_run:
        planned = plan(data, at=sizes, repeats=repeats, run_dir=run_dir, console=out.console, **changes)
        if out.as_json:
            out.json(planned.to_dict())
        else:
            rows = [[run.name, f"{run.rows:,}", f"{run.steps:,}"] for run in planned.runs]
            out.table(["run", "training rows", "steps"], rows, numbers=(1, 2))
        return 0
    found = measure(data, at=sizes, repeats=repeats, run_dir=run_dir, output=output, console=out.console, **changes)
    print_sizes(out, found)
    return 0


def _numbers(at: str | None) -> list[float] | None:
    if at is None:
        return None
    try:
        return [float(size) for size in at.split(",")]
    except ValueError:
        hint = "write sizes as --at 0.1,0.25,0.5,1 or --at 200,1000,2000"
        raise UsageError(f"the sizes {at!r} are not numbers", where="--at", hint=hint) from None
