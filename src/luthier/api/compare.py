"""`compare`: runs side by side, with paired differences if they were scored on the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.errors import RunError, UsageError
from luthier.learning_curves.record import read_curves
from luthier.metrics.bootstrap import Score, difference
from luthier.pipeline.results import MetricScore
from luthier.reporting.comparison import write_comparison
from luthier.reporting.terminal.comparison import comparison_pieces
from luthier.reporting.terminal.display import Piece, Shown
from luthier.run_directory.predictions import answers_in, read_predictions, row_ids
from luthier.run_directory.run import Run, as_paths
from luthier.tasks.registry import find, restore
from luthier.text import typed


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Runs side by side. The repr is a table; a notebook shows it as one.

    Args:
        values: What `--json` prints, see `compare`.
        page: The comparison page, if one was requested.
    """

    values: dict[str, Any]
    page: Path | None

    @property
    def metrics(self) -> dict[str, dict[str, MetricScore]]:
        """Metric to the score of each run."""
        found = self.values["metrics"]
        return {metric: {run: MetricScore.of(entry) for run, entry in runs.items()} for metric, runs in found.items()}

    @property
    def differences(self) -> dict[str, dict[str, Score]]:
        """Metric to the paired difference of each run to the first, for runs that were scored on the same rows."""
        found = self.values["differences"]
        return {metric: {run: Score(**entry) for run, entry in runs.items()} for metric, runs in found.items()}

    def to_dict(self) -> dict[str, Any]:
        return self.values | {"page": str(self.page) if self.page else None}

    def _pieces(self) -> list[Piece]:
        return comparison_pieces(self.to_dict())


def compare(run_dirs: Sequence[Path | str], *, output: Path | None = None) -> Comparison:
    """Compare runs with the first one, the reference.

    Args:
        run_dirs: Two or more runs, each with a score.
        output: Where to write the page with the curves; none by default.
    Returns:
        `runs` (names), `metrics` (metric -> run -> score), `differences` (metric -> run -> paired difference to the
        first run, for runs that were scored on the same rows), `notes` and `recipes` (key -> run -> value, for the
        keys that differ).
    Raises:
        UsageError: Fewer than two runs, or the same one twice.
        RunError: A run has no score.

    Example:
        >>> luthier.compare(["runs/first", "runs/second"]).differences["accuracy"]["second"].excludes_zero
    """
    opened = [Run.open(path) for path in as_paths(run_dirs, "run_dirs")]
    names = _names(opened)
    if len({run.path.resolve() for run in opened}) < max(2, len(opened)):
        raise UsageError(
            "compare needs at least two different runs",
            where=" ".join(str(run.path) for run in opened),
            hint="add another run; `luthier runs` lists them",
        )
    scores = {name: _scores(run) for name, run in zip(names, opened, strict=True)}
    metrics = {
        metric: {name: found["metrics"][metric] for name, found in scores.items() if metric in found["metrics"]}
        for metric in dict.fromkeys(metric for found in scores.values() for metric in found["metrics"])
    }
    task = next(iter(scores.values()))["task"]
    kind = find(task, opened[0].task_package, where=str(opened[0].path))
    differences, notes = _differences(names, opened)
    values = {
        "runs": names,
        "task": task,
        "metrics": metrics,
        "differences": differences,
        "notes": notes,
        "recipes": _recipes(names, opened),
    }
    curves = {name: read_curves(run.curves_file) for name, run in zip(names, opened, strict=True)}
    page = write_comparison(output, values | {"curves": curves, "words": kind.page_words().metrics}) if output else None
    return Comparison(values, page)


def _scores(run: Run) -> dict[str, Any]:
    found = run.read_json(run.metrics_file)
    if found is None:
        hint = f"`luthier resume {typed(run.path)}` finishes it"
        raise RunError("the run has no score yet", where=str(run.path), hint=hint)
    return found


def _differences(names: Sequence[str], runs: Sequence[Run]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    differences: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    yardstick = read_predictions(runs[0].predictions_file)
    saved = runs[0].read_json(runs[0].task_file)
    if yardstick is None or saved is None:
        return {}, [f"{names[0]} has no predictions"]
    task = restore(saved)
    rows = row_ids(yardstick)
    examples = task.examples_of(yardstick)
    own = {metric.name: metric for metric in task.metrics(answers_in(yardstick), examples)}
    for name, run in zip(names[1:], runs[1:], strict=True):
        other = read_predictions(run.predictions_file)
        theirs = run.read_json(run.task_file)
        same_labels = theirs is not None and restore(theirs).model_config() == task.model_config()
        position = {row: i for i, row in enumerate(row_ids(other))} if other else {}
        if other is None or not same_labels or position.keys() != set(rows):
            notes.append(f"{name} was scored on different rows than {names[0]}: no paired difference")
            continue
        answers = answers_in(other)
        for metric in task.metrics([answers[position[row]] for row in rows], examples):
            if metric.name in own and own[metric.name].n == metric.n:
                found = difference(metric, own[metric.name])
                differences.setdefault(metric.name, {})[name] = found.to_dict()
    return differences, notes


def _recipes(names: Sequence[str], runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    flat = [run.recipe.flatten() for run in runs]
    return {
        key: dict(zip(names, (recipe.get(key) for recipe in flat), strict=True))
        for key in dict.fromkeys(key for recipe in flat for key in recipe)
        if any(recipe.get(key) != flat[0].get(key) for recipe in flat)
    }


def _names(runs: Sequence[Run]) -> list[str]:
    """Short names of runs: the name of the directory, or the whole path if two have the same name."""
    names = [run.path.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]
