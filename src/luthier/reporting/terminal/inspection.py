"""The report of `inspect`, as tables and fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.text import count, duration, listing, share, shorten, size

MOST_LABELS = 12
MOST_TARGETS = 3
MOST_TARGET_CHARACTERS = 60
MOST_ROW_CHARACTERS = 300


def inspection_pieces(found: Mapping[str, Any]) -> list[Piece]:
    """Show task, columns, rows, labels, lengths, cost and the first batch.

    Args:
        found: The output of `inspect --json`.
    """
    columns = [(role, name if isinstance(name, str) else listing(name)) for role, name in found["columns"].items()]
    pieces: list[Piece] = [Fields([("task", ", ".join(filter(None, (found["task"], found["shape"])))), *columns])]
    rows = [[split, count(n["read"]), count(n["kept"]), _skipped(n["skipped"])] for split, n in found["rows"].items()]
    pieces.append(Grid(["rows", "read", "kept", "skipped"], rows, numbers=(1, 2)))
    labels = list(found["labels"].items())
    if labels:
        total = max(sum(n for _, n in labels), 1)
        shown = [[name, count(n), share(n / total)] for name, n in labels[:MOST_LABELS]]
        left = len(labels) - MOST_LABELS
        shown += [[f"and {count(left)} more", "", ""]] if left > 0 else []
        pieces.append(Grid(["label", "rows", "share"], shown, numbers=(1, 2)))
    batch = found.get("batch")
    return [
        *pieces,
        Fields([*_lengths(found.get("lengths")), *_targets(found.get("targets")), *_cost(found.get("cost"))]),
        *(_batch(batch) if batch else []),
    ]


def finding_pieces(found: Mapping[str, Any]) -> list[Piece]:
    """Show one row per finding; nothing if there are none.

    Args:
        found: As in `inspection_pieces`.
    """
    rows = [[f"{one['id']} ({one['severity']})", f"{one['message']} {one['action']}"] for one in found["findings"]]
    return [Grid(["finding", "message"], rows)] if rows else []


def _batch(batch: Mapping[str, Any]) -> list[Piece]:
    """The first training batch: its tensors, and its first row."""
    tensors = [[one["name"], " x ".join(map(str, one["shape"])), one["dtype"]] for one in batch["tensors"]]
    row = [
        ("row", shorten(batch["row"], MOST_ROW_CHARACTERS)),
        ("labels", shorten(batch["labels"], MOST_ROW_CHARACTERS)),
    ]
    return [Grid(["first batch", "shape", "dtype"], tensors), Fields(row)]


def _lengths(lengths: Mapping[str, float] | None) -> list[tuple[str, str]]:
    if not lengths:
        return []
    quantiles = ", ".join(f"{name} {count(round(lengths[name]))}" for name in ("median", "p95", "max"))
    return [("tokens", f"{quantiles}; {share(lengths['truncated_share'])} of rows truncated")]


def _targets(targets: Sequence[str] | None) -> list[tuple[str, str]]:
    return [("target", repr(shorten(target, MOST_TARGET_CHARACTERS))) for target in (targets or [])[:MOST_TARGETS]]


def _cost(cost: Mapping[str, float] | None) -> list[tuple[str, str]]:
    if not cost:
        return []
    memory = cost.get("peak_memory_bytes")
    return [("cost", f"about {duration(cost['seconds'])}" + (f", {size(memory)} of memory" if memory else ""))]


def _skipped(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count(n)} {reason}" for reason, n in reasons.items()) or "0"
