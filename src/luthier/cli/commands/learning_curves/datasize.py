"""`luthier datasize`: whether more labels would help."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from luthier.cli.commands.learning_curves.curves import DRAWN
from luthier.cli.options import RUN, DataOrRecipe
from luthier.cli.output import Output, check_output
from luthier.cli.scores import print_sizes
from luthier.cli.settings import SETTINGS, takes
from luthier.errors import UsageError
from luthier.reporting.terminal.display import Grid

SIZES = "Sizes"


@takes(
    "--task --model --from-scratch --lora --text --label --column --valid --test --epochs --max-steps",
    replace(SETTINGS["--max-time"], about="Time limit for each training, such as 10m."),
    "--batch-size --lr --seed run_dir --allow --set dry_run --device",
)
def datasize(
    out: Output,
    data: DataOrRecipe,
    changes: dict[str, Any],
    at: Annotated[
        str | None,
        Option(metavar="A,B...", help="Shares or numbers of rows (default: 0.1,0.25,0.5,1).", rich_help_panel=SIZES),
    ] = None,
    repeats: Annotated[
        int, Option(metavar="N", help="Runs per size, except the full size.", rich_help_panel=SIZES)
    ] = 3,
    output: Annotated[
        Path | None, Option(metavar="FILE", help="Draw the scores to an .svg or .png.", rich_help_panel=SIZES)
    ] = None,
    run_dir: Annotated[
        Path | None, Option(metavar="DIR", help="Directory of the runs (default: new, in runs/).", rich_help_panel=RUN)
    ] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", metavar="", help="Print the runs and their cost, and exit.", rich_help_panel=RUN)
    ] = False,
) -> int:
    """Say whether more labels would help.

    It trains on parts of the training rows, and extrapolates the score to two and four times the rows.
    With the --run-dir of an unfinished datasize, it continues that one.
    """
    check_output(output, "a picture", DRAWN)
    sizes = _numbers(at)

    from luthier.api.learning_curves.datasize import datasize as measure
    from luthier.api.learning_curves.datasize import plan

    if dry_run:
        planned = plan(data, at=sizes, repeats=repeats, run_dir=run_dir, console=out.console, **changes)
        rows = [[run.name, f"{run.rows:,}", f"{run.steps:,}"] for run in planned.runs]
        out.result(planned.to_dict(), lambda _: [Grid(["run", "training rows", "steps"], rows, numbers=(1, 2))])
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
