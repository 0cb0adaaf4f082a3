"""The table of scores that `train`, `resume` and `evaluate` print."""

from collections.abc import Mapping
from typing import Any

from luthier.reporting.names import number, score
from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.text import plural


def score_pieces(result: Mapping[str, Any]) -> list[Piece]:
    """Show one row per metric: the score with its interval, and each baseline.

    Args:
        result: The output of `train --json` or `evaluate --json`.
    """
    metrics: Mapping[str, Any] = result.get("metrics") or {}
    baselines: Mapping[str, Mapping[str, float]] = result.get("baselines") or {}
    if not metrics:
        return ["not scored: there are no held-out rows"]
    rows = []
    for name, value in metrics.items():
        shown = value or {}
        cells = [name, score(name, shown.get("value"), shown.get("low"), shown.get("high"))]
        cells += [number(name, scores[name]) if scores.get(name) is not None else "" for scores in baselines.values()]
        rows.append(cells)
    example = next((value for value in metrics.values() if value), None)
    model = "model, " + plural(example["n"], f"{example['split']} row") if example else "model"
    signatures = [(name, value["signature"]) for name, value in metrics.items() if value and value.get("signature")]
    grid = Grid(["metric", model, *baselines], rows, numbers=range(1, 2 + len(baselines)))
    return [grid, Fields(signatures)] if signatures else [grid]
