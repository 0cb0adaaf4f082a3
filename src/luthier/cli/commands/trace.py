"""`luthier trace`: what a model does with a text, stage by stage."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from luthier.cli.options import Target
from luthier.cli.output import Output, check_output, typed_command
from luthier.cli.settings import BASE, by_name, takes
from luthier.errors import UsageError

WRITTEN = {".html": "page", ".safetensors": "values"}


@takes("--max-new-tokens", BASE, "--device")
def trace(
    out: Output,
    target: Target,
    changes: dict[str, Any],
    texts: Annotated[
        list[str] | None, Argument(metavar="TEXT [SECOND]", help="The text, or the two texts of a pair.")
    ] = None,
    file: Annotated[Path | None, Option(metavar="DATA", help="Trace rows of a file.")] = None,
    row: Annotated[
        list[int] | None, Option(metavar="N", help="Row of the file; repeatable (default: the first 8).")
    ] = None,
    padding: Annotated[
        str, Option(metavar="longest|max_length", help="Pad to the longest row, or to --max-length.")
    ] = "longest",
    max_length: Annotated[
        int | None, Option(metavar="N", help="Maximum tokens of a row (default: at most 512).")
    ] = None,
    truncation: Annotated[bool, Option(help="Truncate longer rows, or refuse them.")] = True,
    attribution: Annotated[
        bool,
        Option("--attribution", metavar="", help="Show which tokens decided (integrated gradients; needs captum)."),
    ] = False,
    output: Annotated[
        Path | None, Option(metavar="FILE", help="Write a page (.html) or all values (.safetensors).")
    ] = None,
) -> int:
    """Show what a model does with a text.

    Stage by stage: text, tokens, embeddings, layers, attention, logits, answer.
    """
    inputs = _inputs(texts or [], file)
    if row and file is None:
        raise UsageError("--row is of a file", where="--row", hint="add --file DATA")
    if padding not in ("longest", "max_length"):
        raise UsageError(f"there is no padding {padding!r}", where="--padding", hint="choose longest or max_length")
    check_output(output, "a trace", WRITTEN)

    from luthier.api.trace import trace as follow
    from luthier.reporting.terminal.trace import trace_pieces

    found = follow(
        target,
        inputs,
        padding=padding,  # type: ignore[arg-type]  # checked above
        max_length=max_length,
        truncation=truncation,
        attribution=attribution,
        rows=row or None,
        console=out.console,
        **by_name(changes),
    )
    if output is not None and output.suffix == ".html":
        found.write_page(output, typed_command())
    elif output is not None:
        found.save(output)
    if out.as_json:
        out.json(found.to_dict())
    else:
        out.show(trace_pieces(found))
        if output is not None:
            out.text(f"{WRITTEN[output.suffix]:<8}{output}")
    return 0


def _inputs(texts: list[str], file: Path | None) -> Any:
    if file is not None and texts:
        raise UsageError("a text and --file cannot be combined", where="luthier trace", hint="use one of them")
    if file is not None:
        return file
    if not texts:
        raise UsageError("nothing to trace", where="luthier trace", hint="pass a text or --file")
    if len(texts) > 2:
        hint = "put each text in quotes; --file traces several"
        raise UsageError(f"a row has one text or two, not {len(texts)}", where="luthier trace", hint=hint)
    return texts[0] if len(texts) == 1 else tuple(texts)
