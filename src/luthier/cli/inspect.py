"""`luthier inspect`: a report on the data, without training."""

from collections.abc import Mapping
from typing import Annotated, Any

from typer import Option

from luthier.cli.options import (
    RUN,
    Allow,
    Data,
    Json,
    LabelColumns,
    Model,
    Quiet,
    RoleColumns,
    Scratch,
    Set,
    Task,
    Test,
    TextColumns,
    Validation,
    Verbose,
    overrides,
)
from luthier.cli.output import Output
from luthier.text import count, duration, listing, share, shorten, size

WOULD_STOP = 3
MOST_LABELS = 12
MOST_TARGETS = 3


def inspect(
    data: Data,
    task: Task = None,
    model: Model = None,
    from_scratch: Scratch = None,
    text: TextColumns = None,
    label: LabelColumns = None,
    column: RoleColumns = None,
    valid: Validation = None,
    test: Test = None,
    allow: Allow = None,
    settings: Set = None,
    cost: Annotated[
        bool,
        Option(metavar="", help="Measure a few steps to estimate the cost.", show_default=False, rich_help_panel=RUN),
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Report on the data, without training.

    The exit code is 3 if a finding would stop `luthier train`.
    """
    out = Output(as_json=json, quiet=quiet, verbose=verbose)
    given = {
        "task": task,
        "model.name": model,
        "model.from_scratch": from_scratch,
        "data.validation": valid,
        "data.test": test,
        "data.allow": allow,
    }
    changes = overrides(given, text, label, column, settings)

    from luthier.api.inspect import inspect as inspect_data

    found = inspect_data(data, overrides=changes, cost=cost, console=out.console)
    if json:
        out.json(found.to_dict())
    else:
        _print(out, found.to_dict())
    return WOULD_STOP if found.stops else 0


def _print(out: Output, found: Mapping[str, Any]) -> None:
    width = max(8, *map(len, found["columns"]))
    out.text(f"{'task':<{width}} {', '.join(filter(None, (found['task'], found['shape'])))}")
    for role, column in found["columns"].items():
        out.text(f"{role:<{width}} {column if isinstance(column, str) else listing(column)}")
    rows = found["rows"].items()
    out.table(
        ["rows", "read", "kept", "skipped"],
        [[split, count(n["read"]), count(n["kept"]), _skipped(n["skipped"])] for split, n in rows],
        numbers=(1, 2),
    )
    labels = list(found["labels"].items())
    if labels:
        total = max(sum(n for _, n in labels), 1)
        shown = [[name, count(n), share(n / total)] for name, n in labels[:MOST_LABELS]]
        left = len(labels) - MOST_LABELS
        shown += [[f"and {count(left)} more", "", ""]] if left > 0 else []
        out.table(["label", "rows", "share"], shown, numbers=(1, 2))
    lengths = found.get("lengths")
    if lengths:
        quantiles = ", ".join(f"{name} {count(round(lengths[name]))}" for name in ("median", "p95", "max"))
        out.text(f"{'tokens':<{width}} {quantiles}; {share(lengths['truncated_share'])} of rows truncated")
    for target in (found.get("targets") or [])[:MOST_TARGETS]:
        out.text(f"{'target':<{width}} {shorten(target, 70 - width)!r}")
    cost = found.get("cost")
    if cost:
        memory = cost.get("peak_memory_bytes")
        out.text(
            f"{'cost':<{width}} about {duration(cost['seconds'])}" + (f", {size(memory)} of memory" if memory else "")
        )


def _skipped(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count(n)} {reason}" for reason, n in reasons.items()) or "0"
