"""The metric of each evaluation during training on paired resamples: which steps an interval separates from the best.

Resamples of the validation rows depend only on how many rows there are, so the values that two steps have on them can
be compared in pairs, for any metric. They take 4 kB a step, however many rows there are. They decide nothing: the best
step is chosen by its metric.
"""

from pathlib import Path
from typing import Any

import numpy as np

from luthier.metrics.base import AnyMetric
from luthier.metrics.bootstrap import paired, resampled, value_of
from luthier.run_directory.predictions import answers_in, read_predictions, write_predictions

RESAMPLES = 500  # fewer than for a score: every evaluation takes the time
MOST = 100  # evaluations that are kept, those with the best values


class Evaluations:
    """Appends to the evaluations of a run; each is saved atomically before training continues.

    Args:
        path: The file; created with the first evaluation.
        step: The current step: evaluations that a killed run wrote after it are dropped.
        greater: Whether a higher value of the metric is better.
    """

    def __init__(self, path: Path, step: int, *, greater: bool) -> None:
        self._path, self._greater = path, greater
        self._rows = [row for row in _read(path) if row["step"] <= step]

    def add(self, step: int, metric: AnyMetric | None) -> None:
        """Save the metric of a step; none that is undefined, or too slow to be resampled at every evaluation."""
        if metric is None or metric.max_resamples is not None or not np.isfinite(value := value_of(metric)):
            return
        samples = resampled([metric], RESAMPLES)[0].tolist()
        self._rows = [row for row in self._rows if row["step"] != step]
        self._rows.append({"step": step, "value": value, "rows": metric.n, "resampled": samples})
        if len(self._rows) > MOST:
            best = sorted(self._rows, key=lambda row: row["value"], reverse=self._greater)[:MOST]
            self._rows = sorted(best, key=lambda row: int(row["step"]))
        write_predictions(self._path, {name: [row[name] for row in self._rows] for name in self._rows[0]})


def not_separated(path: Path, best: int | None) -> dict[str, Any] | None:
    """The steps whose metric a paired 95 % interval does not separate from that of the best step.

    Returns:
        `steps`, and the number of validation `rows`; None if the best step has no paired values.
    """
    rows = {row["step"]: row for row in _read(path)}
    if best not in rows:
        return None
    top, steps = rows[best], []
    for step, row in rows.items():
        if row["rows"] != top["rows"]:
            continue  # of other rows: there are no pairs
        gaps = np.array(row["resampled"]) - np.array(top["resampled"])
        found = paired(row["value"] - top["value"], gaps, row["rows"])
        if step != best and found.low is not None and not found.excludes_zero:
            steps.append(step)
    return {"steps": steps, "rows": top["rows"]}


def _read(path: Path) -> list[dict[str, Any]]:
    return answers_in(read_predictions(path, "evaluations") or {})
