"""Several seeds, as `train --seeds` prints them: the mean over them, each one's score, and which one is the model."""

from collections.abc import Mapping
from typing import Any

from luthier.reporting.names import number, score, scored
from luthier.reporting.several.words import MEANS, VARIES, best_words, headline, partly
from luthier.reporting.terminal.display import Grid, Piece
from luthier.reporting.verdict import main_metric


def seeds_pieces(values: Mapping[str, Any]) -> list[Piece]:
    """Show the mean of each metric over the seeds, and each seed's score.

    Args:
        values: What `train --seeds --json` prints.
    """
    metric, sample = main_metric(values)
    picked = values["metric_for_best"]
    pieces: list[Piece] = [headline(values, {}), best_words(values, {})]
    best = (values["best"] or {}).get("seed")
    if values["metrics"]:
        rows = [
            [
                f"{run['seed']}{' (the model)' if run['seed'] == best else ''}",
                "" if run["validation"] is None else number(picked, run["validation"]),
                scored(metric, run["metrics"].get(metric)),
            ]
            for run in values["runs"]
        ]
        rows_of = f", {sample['n']} {sample['split']} rows" if sample else ""
        heads = ["seed", f"validation {picked}", f"{metric}{rows_of}"]
        pieces.append(Grid(heads, rows, numbers=(1, 2)))
        means = [
            [
                name + partly(entry),
                number(name, entry["mean"]),
                "" if entry["sd"] is None else number(name, entry["sd"]),
                ""
                if entry["low"] is None
                else score(name, entry["mean"], entry["low"], entry["high"]).split(" ", 1)[1],
            ]
            for name, entry in values["metrics"].items()
        ]
        heads = ["metric", "mean", "standard deviation", "95 % interval of the mean"]
        pieces += [Grid(heads, means, numbers=(1, 2, 3)), MEANS]
    return [*pieces, VARIES]
