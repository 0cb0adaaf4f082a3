"""Metrics of several runs on the held-out rows that all of them scored, from their predictions."""

from collections.abc import Sequence

from luthier.errors import RunError
from luthier.metrics.base import AnyMetric
from luthier.run_directory.predictions import answers_in, read_predictions, row_ids
from luthier.run_directory.run import Run
from luthier.tasks.registry import restore
from luthier.text import typed


def on_shared_rows(runs: Sequence[Run]) -> list[dict[str, AnyMetric]]:
    """The task's metrics of each run, on the rows that all of them scored, in the same order.

    A row that is also in the training rows of one run was scored by the others alone.

    Raises:
        RunError: The runs have no predictions, other labels, or no row in common.
    """
    several, tasks = [], []
    for run in runs:
        predictions, saved = read_predictions(run.predictions_file), run.read_json(run.task_file)
        if predictions is None or saved is None:
            hint = f"`luthier resume {typed(run.path)}` finishes it"
            raise RunError("the run has no predictions", where=str(run.path), hint=hint)
        several.append(predictions)
        tasks.append(restore(saved))
    labels = [task.model_config().get("id2label") for task in tasks]
    for run, found in zip(runs, labels, strict=True):
        if found != labels[-1]:
            what = f"the run learned other labels than {runs[-1].path.name}, so their scores cannot be compared"
            raise RunError(what, where=str(run.path), hint="train on more rows, so that every label is among them")
    places = [{row: i for i, row in enumerate(row_ids(predictions))} for predictions in several]
    shared = [row for row in places[0] if all(row in others for others in places)]
    if not shared:
        raise RunError("the runs scored no row in common", where=str(runs[0].path), hint="train them on the same data")
    order = [places[0][row] for row in shared]
    examples = tasks[0].examples_of({key: [column[i] for i in order] for key, column in several[0].items()})
    return [
        {metric.name: metric for metric in tasks[0].metrics(_taken(predictions, where, shared), examples)}
        for predictions, where in zip(several, places, strict=True)
    ]


def _taken(
    predictions: dict[str, list[object]], places: dict[str, int], rows: Sequence[str]
) -> list[dict[str, object]]:
    answers = answers_in(predictions)
    return [answers[places[row]] for row in rows]
