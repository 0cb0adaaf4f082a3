"""`luthier curves`: what the learning curves of a run say."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from luthier.cli.output import Output, check_output

DRAWN = (".svg", ".png")


def curves(
    out: Output,
    run: Annotated[Path, Argument(metavar="RUN", help="Run directory.")],
    output: Annotated[Path | None, Option(metavar="FILE", help="Draw the losses to an .svg or .png.")] = None,
    rows: Annotated[bool, Option(help="Name the rows of batches with a spike.")] = True,
) -> int:
    """Say what the learning curves of a run show.

    It says whether they are healthy, which steps and numbers show it, and what to do. It also works during training.
    """
    check_output(output, "a picture", DRAWN)

    from luthier.api.learning_curves.curves import curves as read
    from luthier.reporting.terminal.curves import curves_pieces

    out.result(read(run, output=output, rows=rows).to_dict(), curves_pieces)
    return 0
