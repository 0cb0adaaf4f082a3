"""The result of `datasize`: the scores of trainings on several numbers of rows, and what they say of more labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from luthier.errors import DataError
from luthier.learning_curves.data_size import DataSizes, Scale
from luthier.learning_curves.plot import save
from luthier.metrics.base import AnyMetric
from luthier.metrics.bootstrap import covariance, value_of
from luthier.metrics.limits import limits_of
from luthier.pipeline.inference.scored_rows import on_shared_rows
from luthier.reporting import names
from luthier.reporting.data_size import Scored, SizeAdvice, advise
from luthier.reporting.drawing.data_size import size_figure
from luthier.reporting.terminal.data_size import size_pieces
from luthier.reporting.terminal.display import Piece, Shown
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.storage.atomic import write_json
from luthier.text import listing, plural


@dataclass(frozen=True, repr=False)
class DataSizeTest(Shown):
    """The score against the number of training rows. The repr is text.

    Args:
        sizes: The scores of each size, the fitted law and what follows from it.
        metric: Name of the metric.
        split: The split that was scored.
        held_out: Rows of it that all runs were scored on.
        directory: The directory of the runs.
        runs: For each size, its runs.
        advice: Whether more labels would help.
        notes: What limits the result.
        picture: Where the scores were drawn.
    """

    sizes: DataSizes
    metric: str
    split: str
    held_out: int
    directory: Path
    runs: Sequence[Sequence[Run]]
    advice: SizeAdvice
    notes: Sequence[str] = ()
    picture: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = self.sizes.to_dict()
        for size, runs in zip(found["sizes"], self.runs, strict=True):
            size["runs"] = [str(run.path) for run in runs]
        return {
            "metric": self.metric,
            "split": self.split,
            "n": self.held_out,
            **found,
            "advice": self.advice.to_dict(),
            "notes": list(self.notes),
            "run_dir": str(self.directory),
            "picture": str(self.picture) if self.picture else None,
        }

    def _pieces(self) -> Sequence[Piece]:
        return self.pieces()

    def pieces(self, *, drawn: bool = False) -> Sequence[Piece]:
        """What is shown, with the scores drawn in a terminal or without."""
        return size_pieces(
            self.sizes, self.metric, self.advice, self.directory, picture=self.picture, notes=self.notes, drawn=drawn
        )


def conclude_sizes(runs: RunSet, output: Path | None = None) -> DataSizeTest:
    """Score complete runs, the smallest size first, on the rows that all of them scored, and write what that says.

    Raises:
        RunError: One of them is not complete, or they cannot be compared.
        DataError: The score has no interval.
    """
    runs.check_done()
    done, rows = runs.done, [change["data.train_rows"] for change in runs.changes.values()]
    largest = done[-1]
    shared, scores = on_shared_rows(done), largest.read_json(largest.metrics_file) or {}
    asked, metric = scores["metric_for_best"], scores["metric_for_best"]
    notes = []
    if metric not in shared[0]:
        metric = next(iter(shared[0]))
        notes.append(f"{asked} cannot be computed from predictions, so the score is {names.metric(metric)}")
    own = [found[metric] for found in shared]
    limit = largest.recipe.training.max_time
    if limit and (cut := [run.path.name for run in done if _cut_short(run)]):
        notes.append(f"max_time {limit} left fewer steps for {listing(cut)}: the scores may show time, not rows")
    values = [value_of(one) for one in own]
    together = covariance(own)
    if not np.isfinite([*values, *together.ravel()]).all():
        what = f"the {names.metric(metric)} has no interval on {plural(own[0].n, 'held-out row')}"
        raise DataError(what, where=str(runs.path), hint="add test rows, with --test or a larger test_share")
    sizes = list(dict.fromkeys(rows))
    of_size = [[i for i, one in enumerate(rows) if one == size] for size in sizes]
    found = DataSizes(sizes, [[values[i] for i in places] for places in of_size], together, _scale(own[0]))
    scored = Scored(metric, own[0].n, runs.path, largest.path)
    picture = save(size_figure(found, metric), output) if output is not None else None
    trained = [[done[i] for i in places] for places in of_size]
    concluded = DataSizeTest(
        found, metric, scores["split"], own[0].n, runs.path, trained, advise(found, scored), tuple(notes), picture
    )
    write_json(runs.result_file, concluded.to_dict())  # written last: the set is complete with it
    return concluded


def _cut_short(run: Run) -> bool:
    result, training = run.read_json(run.result_file) or {}, run.recipe.training
    return bool(result["epochs"] < training.epochs and result["steps"] != training.max_steps)


def _scale(metric: AnyMetric) -> Scale:
    greater = metric.greater_is_better is not False
    low, high = limits_of(metric)
    return Scale(greater, high, low) if greater else Scale(greater, low, high)
