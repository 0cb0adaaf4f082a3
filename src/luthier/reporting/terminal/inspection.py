"""The report of `inspect`, as tables and fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.text import count, duration, listing, plural, quantity, share, shorten, size

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
    task = ("task", ", ".join(filter(None, (found["task"], found["shape"]))))
    pieces: list[Piece] = [Fields([task, *columns, *_sample(found.get("sample"))])]
    rows = [[split, count(n["read"]), count(n["kept"]), _skipped(n["skipped"])] for split, n in found["rows"].items()]
    of = " of the sample" if found.get("sample") else ""
    pieces.append(Grid([f"rows{of}", "read", "kept", "skipped"], rows, numbers=(1, 2)))
    labels = list(found["labels"].items())
    if labels:
        counted = found.get("counted", "rows")
        # Rows may have several labels, or none.
        whole = found["splits"]["train"] if counted == "rows" and "splits" in found else sum(n for _, n in labels)
        total = max(whole, 1)
        shown = [[name, count(n), share(n / total)] for name, n in labels[:MOST_LABELS]]
        left = len(labels) - MOST_LABELS
        shown += [[f"and {count(left)} more", "", ""]] if left > 0 else []
        pieces.append(Grid(["label", counted, "share"], shown, numbers=(1, 2)))
    batch = found.get("batch")
    return [
        *pieces,
        Fields(
            [
                *_lengths(found.get("lengths"), found.get("long_rows", "")),
                *_targets(found.get("targets")),
                *_cost(found.get("cost")),
            ]
        ),
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


def _lengths(lengths: Mapping[str, float] | None, fate: str) -> list[tuple[str, str]]:
    if not lengths:
        return []
    quantiles = ", ".join(f"{name} {count(round(lengths[name]))}" for name in ("median", "p95", "max"))
    longer = f"{share(lengths['truncated_share'])} of rows" if lengths["truncated_share"] else "no row"
    cut = f"{fate.format(limit=count(int(lengths['max_length'])))}, {longer} longer" if fate else f"{longer} truncated"
    return [("tokens", f"{quantiles}; {cut}")]


def _targets(targets: Sequence[str] | None) -> list[tuple[str, str]]:
    return [("target", repr(shorten(target, MOST_TARGET_CHARACTERS))) for target in (targets or [])[:MOST_TARGETS]]


def _cost(cost: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if not cost:
        return []
    memory = cost.get("peak_memory_bytes")
    whole = _span(cost) + (f", {size(memory)} of memory" if memory else "")
    parts = [(f"  {name.replace('_', ' ')}", _span(part) + _times(part)) for name, part in cost["parts"].items()]
    return [("cost", whole), *parts]


def _span(cost: Mapping[str, float]) -> str:
    low, high = duration(cost["low"]), duration(cost["high"])
    return f"about {high}" if low == high else f"{low} to {high}"


def _times(part: Mapping[str, int]) -> str:
    return f" ({count(part['times'])} x {plural(part['rows'], 'row')})"


def _sample(sample: Mapping[str, int] | None) -> list[tuple[str, str]]:
    if not sample:
        return []
    rows = f"{count(sample['rows'])} of about {quantity(sample['of_rows'])} rows"
    return [("sample", f"{rows} ({size(sample['bytes'])} of {size(sample['of_bytes'])}); --all reads every row")]


def _skipped(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count(n)} {reason}" for reason, n in reasons.items()) or "0"
