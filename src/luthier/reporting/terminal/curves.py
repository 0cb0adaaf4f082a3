"""What the learning curves of a run say, as `curves` prints it."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.text import count, number, quantity


def curves_pieces(found: Mapping[str, Any]) -> list[Piece]:
    """Show the findings, worst first, then each curve, its values with their steps.

    Args:
        found: The output of `curves --json`.
    """
    if not found["curves"]:
        return [f"No curves yet: the run is {found['state']}, and no step was recorded."]
    heads = ["curve", "last", "lowest", "highest"]
    picture = [Fields([("picture", found["picture"])])] if found.get("picture") else []
    return [*told(found["findings"]), Grid(heads, _rows(found)), *picture]


def told(findings: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """Findings in words, each with its hint."""
    return [
        line
        for one in findings
        for line in (f"{one['severity']}: {one['message']} [{one['id']}]", f"  hint: {one['action']}")
    ]


def _rows(found: Mapping[str, Any]) -> list[list[str]]:
    return [
        [name, *(_value(one[key]) for key in ("last", "lowest", "highest"))] for name, one in found["curves"].items()
    ]


def _value(point: Mapping[str, Any] | None) -> str:
    """A value with its step; learning rates need more digits than scores."""
    if point is None:
        return ""
    value = point["value"]
    if isinstance(value, str):
        shown = value
    elif abs(value) >= 1000:
        shown = quantity(value)
    else:
        shown = number(value) if abs(value) >= 0.01 else f"{value:.3g}"
    return f"{shown} ({count(point['step'])})"
