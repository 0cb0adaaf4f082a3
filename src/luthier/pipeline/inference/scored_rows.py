"""Metrics of several runs on the same held-out rows, from their predictions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.errors import RunError
from luthier.metrics.base import AnyMetric
from luthier.run_directory.predictions import answers_in, read_predictions, row_ids
from luthier.run_directory.run import Run
from luthier.tasks.phases import Fitted
from luthier.tasks.registry import restore
from luthier.text import typed


@dataclass(frozen=True)
class ScoredRows:
    """The rows that a run was scored on.

    Args:
        task: The task of the run.
        predictions: The columns of its predictions.
        places: The identity of each row, to its place in them.
    """

    task: Fitted[Any]
    predictions: Mapping[str, list[Any]]
    places: Mapping[str, int]

    @classmethod
    def of(cls, run: Run) -> "ScoredRows | None":
        """None if the run has no predictions."""
        predictions, saved = read_predictions(run.predictions_file), run.read_json(run.task_file)
        if predictions is None or saved is None:
            return None
        return cls(restore(saved), predictions, {row: i for i, row in enumerate(row_ids(predictions))})

    def same_labels(self, other: "ScoredRows") -> bool:
        return self.task.model_config() == other.task.model_config()

    def same_as(self, other: "ScoredRows") -> bool:
        """Whether both are the same rows, in any order, with the same labels."""
        return self.same_labels(other) and self.places.keys() == other.places.keys()

    def take(self, rows: Iterable[str]) -> dict[str, list[Any]]:
        """The predictions of some rows, in this order."""
        order = [self.places[row] for row in rows]
        return {name: [column[i] for i in order] for name, column in self.predictions.items()}


def metrics_of(several: Sequence[ScoredRows], first: ScoredRows, rows: Iterable[str]) -> list[dict[str, AnyMetric]]:
    """The metrics of each on the same rows, which all have, in the same order; the task of `first` measures all."""
    rows = list(rows)
    examples = first.task.examples_of(first.take(rows))
    found = (first.task.metrics(answers_in(one.take(rows)), examples) for one in several)
    return [{metric.name: metric for metric in metrics} for metrics in found]


def on_shared_rows(runs: Sequence[Run]) -> list[dict[str, AnyMetric]]:
    """The task's metrics of each run, on the rows that all of them scored.

    A row that is also in the training rows of one run was scored by the others alone.

    Raises:
        RunError: The runs have no predictions, other labels, or no row in common.
    """
    several: list[ScoredRows] = []
    for run in runs:
        if (scored := ScoredRows.of(run)) is None:
            hint = f"`luthier resume {typed(run.path)}` finishes it"
            raise RunError("the run has no predictions", where=str(run.path), hint=hint)
        several.append(scored)
    for run, scored in zip(runs, several, strict=True):
        if not scored.same_labels(several[-1]):
            what = f"the run was trained on other labels than {runs[-1].path.name}, so their scores cannot be compared"
            raise RunError(what, where=str(run.path), hint="train on more rows, so that every label is among them")
    shared = [row for row in several[0].places if all(row in other.places for other in several)]
    if not shared:
        raise RunError("the runs scored no row in common", where=str(runs[0].path), hint="train them on the same data")
    return metrics_of(several, several[0], shared)
