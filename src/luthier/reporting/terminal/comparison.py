"""The comparison of runs that `compare` prints: scores, differences and the settings that differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.reporting.names import scored
from luthier.reporting.panels import Score
from luthier.reporting.terminal.display import Fields, Grid, Piece


def comparison_pieces(found: Mapping[str, Any]) -> list[Piece]:
    """Show runs side by side.

    Args:
        found: The output of `compare --json`.
    """
    names: Sequence[str] = found["runs"]
    scores: Mapping[str, Mapping[str, Any]] = found["metrics"]
    rows = [[metric, *(scored(metric, runs.get(name)) for name in names)] for metric, runs in scores.items()]
    pieces: list[Piece] = [Grid(["metric", *names], rows, numbers=range(1, 1 + len(names)))]
    differences = [
        [metric, name, scored(metric, difference), _verdict(difference, scores[metric][name])]
        for metric, runs in found["differences"].items()
        for name, difference in runs.items()
    ]
    if differences:
        heads = ["metric", "run", f"difference to {names[0]}", "95 % interval"]
        pieces.append(Grid(heads, differences, numbers=(2,)))
    pieces += [*found["notes"], *found.get("remarks", [])]
    recipes: Mapping[str, Mapping[str, Any]] = found["recipes"]
    if recipes:
        settings = [[key, *(_setting(values[name]) for name in names)] for key, values in recipes.items()]
        pieces.append(Grid(["recipe", *names], settings))
    return [*pieces, Fields([("page", str(found["page"]))])] if found.get("page") else pieces


def _setting(value: Any) -> str:
    return "not set" if value is None else str(value)


def _verdict(difference: Mapping[str, float], measured: Mapping[str, Any]) -> str:
    return Score.of(difference).verdict(measured.get("greater_is_better"))
