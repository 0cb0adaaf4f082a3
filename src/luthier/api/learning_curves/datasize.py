"""`datasize`: the score against the number of training rows, and what more labels would add."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from luthier import processes
from luthier.api.learning_curves.sub_runs import check_same, keep_in, trained_in
from luthier.console import Console
from luthier.data.reading.memory import Data
from luthier.errors import DataError, UsageError
from luthier.findings import Decision
from luthier.learning_curves.data_size import DataSizes, Scale
from luthier.learning_curves.plot import save
from luthier.metrics.base import AnyMetric
from luthier.metrics.bootstrap import covariance, value_of
from luthier.models.device import choose_device
from luthier.pipeline.data_sizes import SizedRun, check_sizes, seconds_of, sized_runs, training_on
from luthier.pipeline.inference.cost import measure_cost
from luthier.pipeline.inference.shared_rows import on_shared_rows
from luthier.pipeline.journal import STDIN, data_name
from luthier.pipeline.prepare import Prepared, prepare, refuse
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.results import Result
from luthier.pipeline.training.assemble import assemble, decide_precision
from luthier.recipe import Recipe
from luthier.reporting import names
from luthier.reporting.data_size import Scored, SizeAdvice, advise
from luthier.reporting.drawing.data_size import size_figure
from luthier.reporting.terminal.data_size import size_pieces
from luthier.reporting.terminal.display import Piece, Shown
from luthier.run_directory.run import Run, as_path, new_path
from luthier.storage.temporary import temporary_directory
from luthier.text import count, duration, listing, plural

# Best values of metrics that have no `Bounds`.
BEST = {"pearson": 1.0, "spearman": 1.0, "r2": 1.0, "roc_auc": 1.0, "average_precision": 1.0, "perplexity": 1.0}
REPEATS = 3


@dataclass(frozen=True)
class SizesPlan:
    """What `datasize` would run.

    Args:
        runs: The runs, the smallest first.
        seconds: About how long those take that are not complete.
    """

    runs: Sequence[SizedRun]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """What `--dry-run --json` prints."""
        runs = [{"name": run.name, "rows": run.rows, "steps": run.steps} for run in self.runs]
        return {"runs": runs, "steps": sum(run.steps for run in self.runs), "seconds": self.seconds}


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
            self.sizes,
            self.metric,
            self.advice,
            self.directory,
            picture=self.picture,
            notes=self.notes,
            drawn=drawn,
        )


def datasize(
    data: Data | Recipe,
    *,
    at: Sequence[float] | None = None,
    repeats: int = REPEATS,
    run_dir: Path | str | None = None,
    output: Path | None = None,
    console: Console | None = None,
    **settings: Any,
) -> DataSizeTest:
    """Train on parts of the training rows, and extrapolate the score to more labels.

    Each part is an ordinary run in a directory of its own, with the default settings for its number of rows. All runs
    are scored on the same held-out rows. Called again with the same `run_dir`, it goes on: runs that are complete are
    not trained again, one that stopped is resumed.

    Args:
        data: As in `train`.
        at: Sizes, as shares of the training rows or numbers of them (default: 0.1, 0.25, 0.5 and 1).
        repeats: Runs of each size, with other rows and other seeds; all rows are trained on once.
        run_dir: Directory of the runs; by default a new one in `runs`.
        output: Where to draw the scores, as .png or .svg; nowhere by default.
        console: Receives decisions, findings and progress; silent by default.
        **settings: Recipe keys, as in `train`.
    Returns:
        The scores, the fitted power law, and whether more labels would help.
    Raises:
        UsageError: A size is not possible.
        DataError: There are too few rows, or none to score on.
        FingerprintError: The directory has runs on other data or with other settings.
        LuthierError: As in `train`.

    Example:
        >>> found = luthier.datasize("reviews.csv", model="minilm")
        >>> print(found.advice.text)
    """
    check_sizes(at, repeats)
    console = console or Console()
    with _planned(data, settings, at, repeats, run_dir, console) as (recipe, prepared, plan, spool):
        directory = new_path("datasize", data_name(prepared)) if run_dir is None else as_path(run_dir, "run_dir")
        recipe = keep_in(directory, recipe, prepared, spool)
    results = trained_in(directory, recipe, plan.runs, console)
    return _scored(plan.runs, results, directory, output)


def plan(
    data: Data | Recipe,
    *,
    at: Sequence[float] | None = None,
    repeats: int = REPEATS,
    run_dir: Path | str | None = None,
    console: Console | None = None,
    **settings: Any,
) -> SizesPlan:
    """What `datasize` would run, and about how long. Nothing is written; raises like `datasize`."""
    check_sizes(at, repeats)
    with _planned(data, settings, at, repeats, run_dir, console or Console()) as (_, _, found, _):
        return found


@contextmanager
def _planned(
    data: Any,
    settings: Mapping[str, Any],
    at: Sequence[float] | None,
    repeats: int,
    run_dir: Path | str | None,
    console: Console,
) -> Iterator[tuple[Recipe, Prepared, SizesPlan, Path]]:
    """The recipe, the prepared data, the runs, and the folder with data that was given in memory."""
    if processes.count() > 1:
        raise UsageError("datasize runs in one process", where="--processes", hint="run it without --processes")
    with temporary_directory() as folder:
        spool = Path(folder)
        recipe = build_recipe(data, settings, spool, console)
        choose_device(recipe.device)
        prepared = prepare(recipe, console, spool_to=spool / STDIN)
        refuse(prepared.stopping, prepared.sources)
        if not {"validation", "test"} & prepared.splits.keys():
            hint = "add --test DATA, or a test_share above 0"
            raise DataError("no rows are held out, so nothing can be scored", where="data.test_share", hint=hint)
        directory = None if run_dir is None else as_path(run_dir, "run_dir")
        if directory is not None:
            check_same(directory, recipe, prepared)
        runs = sized_runs(recipe, prepared, at, repeats)
        left = [run for run in runs if directory is None or not Run(directory / run.name).result_file.exists()]
        seconds = 0.0
        if left:
            decide_precision(prepared, console)
            cost = measure_cost(prepared, assemble(prepared))
            seconds = seconds_of(left, cost, training_on(recipe, prepared, len(prepared.splits["train"])))
        sizes = listing([count(rows) for rows in dict.fromkeys(run.rows for run in runs)], 9)
        done = f", {count(len(runs) - len(left))} complete" if len(left) < len(runs) else ""
        steps = plural(sum(run.steps for run in left), "step")
        what = f"{plural(len(runs), 'run')} of {sizes} training rows{done}"
        console.decision(Decision("plan", what, f"{steps}, about {duration(seconds)}"))
        yield recipe, prepared, SizesPlan(runs, seconds), spool


def _scored(
    planned: Sequence[SizedRun], results: Sequence[Result], directory: Path, output: Path | None
) -> DataSizeTest:
    """The scores of all runs on the rows that all of them scored, and what they say."""
    shared = on_shared_rows([result.run for result in results])
    scores = results[-1].run.read_json(results[-1].run.metrics_file) or {}
    asked, metric = scores["metric_for_best"], scores["metric_for_best"]
    notes = []
    if metric not in shared[0]:
        metric = next(iter(shared[0]))
        notes.append(f"{asked} cannot be computed from predictions, so the score is {names.metric(metric)}")
    own = [found[metric] for found in shared]
    limit = results[-1].run.recipe.training.max_time
    cut = [run.name for run, result in zip(planned, results, strict=True) if limit and result.steps < run.steps]
    if cut:
        notes.append(f"max_time {limit} left fewer steps for {listing(cut)}: the scores may show time, not rows")
    values = [value_of(one) for one in own]
    together = covariance(own)
    if not np.isfinite([*values, *together.ravel()]).all():
        what = f"the {names.metric(metric)} has no interval on {plural(own[0].n, 'held-out row')}"
        raise DataError(what, where=str(directory), hint="add test rows, with --test or a larger test_share")
    sizes = list(dict.fromkeys(run.rows for run in planned))
    of_size = [[i for i, run in enumerate(planned) if run.rows == size] for size in sizes]
    found = DataSizes(sizes, [[values[i] for i in places] for places in of_size], together, _scale(own[0]))
    largest = results[-1].run
    scored = Scored(metric, own[0].n, directory, largest.path)
    picture = save(size_figure(found, metric), output) if output is not None else None
    runs = [[results[i].run for i in places] for places in of_size]
    return DataSizeTest(
        found, metric, scores["split"], own[0].n, directory, runs, advise(found, scored), tuple(notes), picture
    )


def _scale(metric: AnyMetric) -> Scale:
    greater = metric.greater_is_better is not False
    best = metric.bounds.best if metric.bounds is not None else BEST.get(metric.name, None if greater else 0.0)
    return Scale(greater, best)
