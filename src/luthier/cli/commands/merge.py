"""`luthier merge`: an adapter into the weights of its base model."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from luthier.cli.output import Output
from luthier.cli.settings import BASE, takes
from luthier.text import plural


@takes(BASE)
def merge(
    out: Output,
    target: Annotated[str, Argument(metavar="RUN|ADAPTER", help="Run or directory of an adapter.")],
    changes: dict[str, Any],
    output: Annotated[
        Path | None, Option(metavar="DIR", help="Directory to write (default: merged, in the run).")
    ] = None,
) -> int:
    """Merge an adapter into its base model.

    The whole model is written only if its outputs match those of the adapter.
    """
    from luthier.api.merge import merge as merge_adapter

    found = merge_adapter(target, output, **changes)
    compared = f"its outputs for {plural(found.texts, 'text')} differ by {found.difference:.1g} at most"
    out.lines(found.to_dict(), [str(found.directory), compared])
    return 0
