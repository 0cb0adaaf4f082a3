"""The table of scores that `train`, `resume` and `evaluate` print."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from luthier.reporting.names import number, scored
from luthier.reporting.terminal.display import Fields, Grid, Piece
from luthier.reporting.verdict import all_rows_note, verdict
from luthier.text import count, plural

if TYPE_CHECKING:
    from luthier.learning_curves.advice import Advice


def score_pieces(result: Mapping[str, Any], advice: "Advice | None" = None) -> list[Piece]:
    """Show the verdict, and one row per metric: the score with its interval, and each baseline.

    Args:
        result: The output of `train --json` or `evaluate --json`.
        advice: What to try, said after the verdict.
    """
    metrics: Mapping[str, Any] = result.get("metrics") or {}
    baselines: Mapping[str, Mapping[str, float]] = result.get("baselines") or {}
    if not metrics:
        return ["not scored: there are no held-out rows"]
    sizes = {value["n"]: value["split"] for value in metrics.values() if value}
    rows = []
    for name, value in metrics.items():
        shown = value or {}
        cells = [name, scored(name, shown)]
        cells += [count(shown["n"]) if shown else ""] if len(sizes) > 1 else []
        cells += [number(name, scores[name]) if scores.get(name) is not None else "" for scores in baselines.values()]
        rows.append(cells)
    if len(sizes) > 1:
        heads = ["model", f"{next(iter(sizes.values()))} rows"]
    else:
        heads = [f"model, {plural(n, f'{split} row')}" for n, split in sizes.items()] or ["model"]
    signatures = [(name, value["signature"]) for name, value in metrics.items() if value and value.get("signature")]
    grid = Grid(["metric", *heads, *baselines], rows, numbers=range(1, 1 + len(heads) + len(baselines)))
    tried = [advice.why] if advice else []
    pieces: list[Piece] = [verdict(result, {}).sentence, *tried, *all_rows_note(result, {}), grid]
    return [*pieces, Fields(signatures)] if signatures else pieces
