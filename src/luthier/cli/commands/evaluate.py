"""`luthier evaluate`: the score of a model on data."""

from typing import Annotated, Any

from typer import Argument

from luthier.cli.options import Target
from luthier.cli.output import Output
from luthier.cli.settings import BASE, SAMPLING, takes
from luthier.reporting.terminal.score_table import score_pieces

Rows = Annotated[list[str] | None, Argument(metavar="DATA", help="Data to score (default: the run's held-out rows).")]


@takes("--task --text --label --column --label-names --allow --set", *SAMPLING, BASE, "--device")
def evaluate(out: Output, target: Target, changes: dict[str, Any], data: Rows = None) -> int:
    """Score a model, with intervals and baselines."""
    from luthier.api.evaluate import evaluate as evaluate_model

    found = evaluate_model(target, data or None, console=out.console, **changes)
    out.result(found.to_dict(), score_pieces)
    if not out.as_json:
        out.text(f"written to {found.directory}")
    return 0
