"""`luthier lr-find`: a learning rate for a model and data."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from luthier.cli.commands.learning_curves.curves import DRAWN
from luthier.cli.options import TRAINING, DataOrRecipe
from luthier.cli.output import Output, check_output, dumps
from luthier.cli.settings import takes
from luthier.text import typed


@takes(
    "--task --model --from-scratch --lora --text --label --column",
    "steps --batch-size --tokens-per-batch output --allow --set --device",
)
def lr_find(
    out: Output,
    data: DataOrRecipe,
    changes: dict[str, Any],
    steps: Annotated[int, Option(metavar="N", help="Optimizer steps, at least 20.", rich_help_panel=TRAINING)] = 100,
    output: Annotated[
        Path | None, Option(metavar="FILE", help="Draw the losses to an .svg or .png.", rich_help_panel=TRAINING)
    ] = None,
) -> int:
    """Find a learning rate by training at rising rates.

    It suggests the rate at which the loss falls fastest, well below the one at which it rises.
    Only the picture is saved.
    """
    check_output(output, "a picture", DRAWN)

    from luthier.api.learning_curves.lr_find import lr_find as find

    found = find(data, steps=steps, output=output, console=out.console, **changes)
    if out.as_json:
        out.json(found.to_dict())
        return 0
    from luthier.reporting.terminal.display import Fields
    from luthier.reporting.terminal.rate_range import rate_pieces

    rate = found.learning_rate
    following = [] if rate is None else [Fields([("next", _training(data, changes, rate))])]
    out.show([*rate_pieces(found.test, found.recipe.training.learning_rate, output), *following])
    return 0


def _training(data: Sequence[str], changes: Mapping[str, Any], rate: float) -> str:
    """The command that trains what was tested with the rate."""
    kept = {key: value for key, value in changes.items() if key != "training.learning_rate"}
    pairs = [f"{key}={value if isinstance(value, str) else dumps(value)}" for key, value in kept.items()]
    options = [word for pair in pairs for word in ("--set", pair)]
    return f"luthier train {' '.join(map(typed, data))} {shlex.join([*options, '--lr', f'{rate:g}'])}"
