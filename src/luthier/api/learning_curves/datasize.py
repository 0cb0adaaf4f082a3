"""`datasize`: the score against the number of training rows, and what more labels would add."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from luthier import processes
from luthier.api.several.carry_on import carry_on
from luthier.console import Console
from luthier.data.reading.memory import Data
from luthier.engines.events import Callback
from luthier.errors import DataError, FingerprintError
from luthier.findings import Decision
from luthier.models.device import choose_device
from luthier.pipeline.inference.cost import measure_cost
from luthier.pipeline.journal import STDIN, data_name, keep_data, same_data
from luthier.pipeline.preparation.prepare import Prepared, prepare, refuse
from luthier.pipeline.recipes import build_recipe, with_changes
from luthier.pipeline.several.data_sizes import SizedRun, check_sizes, seconds_of, sized_runs, training_on
from luthier.pipeline.several.size_scores import DataSizeTest, conclude_sizes
from luthier.pipeline.training.assemble import assemble, decide_precision
from luthier.recipe import Recipe
from luthier.reporting.data_size import RECIPE
from luthier.run_directory import clock
from luthier.run_directory.run import Run, as_path, list_runs, new_path
from luthier.run_directory.run_set import SIZES, RunSet, check_set_unused
from luthier.storage.atomic import write_text
from luthier.storage.temporary import temporary_directory
from luthier.text import count, duration, listing, plural, typed

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
        RunError: The directory is in use for something else.
        FingerprintError: It has runs on other data or with other settings.
        LuthierError: As in `train`.

    Example:
        >>> found = luthier.datasize("reviews.csv", model="minilm")
        >>> print(found.advice.text)
    """
    check_sizes(at, repeats)
    console = console or Console()
    with _planned(data, settings, at, repeats, run_dir, console) as (recipe, prepared, plan, spool):
        path = new_path("datasize", data_name(prepared)) if run_dir is None else as_path(run_dir, "run_dir")
        runs = RunSet(path, SIZES, {run.name: run.changes for run in plan.runs})
        with runs.created(anew=RunSet.at(path) is not None):
            _keep(recipe, prepared, spool, path)
            return _finish(runs, (), console, output)


def resume_sizes(runs: RunSet, callbacks: Sequence[Callback], console: Console) -> DataSizeTest:
    """Finish the trainings that are left, and say what the scores of all show; arguments as in `resume`."""
    processes.require_one("datasize")
    with runs.lock():
        return _finish(runs, callbacks, console, None)


def _finish(runs: RunSet, callbacks: Sequence[Callback], console: Console, output: Path | None) -> DataSizeTest:
    def recipe_of(name: str) -> Recipe:
        return with_changes(Recipe.load(runs.path / RECIPE), runs.changes[name])

    with temporary_directory() as folder, clock.running(anew=True):  # the plan is no part of the first run
        carry_on(runs, recipe_of, Path(folder), callbacks, console, brief=True)
    return conclude_sizes(runs, output)


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
    processes.require_one("datasize")
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
            _check_same(directory, recipe, prepared)
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


def _check_same(directory: Path, recipe: Recipe, prepared: Prepared) -> None:
    """Refuse a directory with anything else than runs of this recipe on this data.

    Raises:
        RunError: It is not empty, and no directory of `datasize`.
        FingerprintError: The settings or the data are others.
    """
    there, begun = RunSet.at(directory), list_runs(directory)
    if there is None or there.kind != SIZES or not begun:
        check_set_unused(directory)
        return
    kept = directory / RECIPE
    then, now = Recipe.load(kept).flatten(may_change=False), recipe.flatten(may_change=False)
    if changed := [key for key in now if then.get(key) != now[key]]:
        shown = "; ".join(f"{key}: {then.get(key)} -> {now[key]}" for key in changed[:5])
        hint = f"`luthier datasize {typed(kept)} --run-dir {typed(directory)}` continues with the previous settings"
        raise FingerprintError(f"the directory has runs with other settings: {shown}", where=str(directory), hint=hint)
    for run in begun:
        try:
            same_data(run, prepared)
        except FingerprintError as error:
            hint = "choose a new --run-dir for this data"
            what = "the directory has runs on other data"
            raise FingerprintError(what, where=f"{directory} ({error.where})", hint=hint) from None


def _keep(recipe: Recipe, prepared: Prepared, spool: Path, directory: Path) -> None:
    """Keep the recipe, and data that was given in memory, in the directory."""
    keep_data(prepared, spool, Run(directory))
    places = {f"data.{split}": getattr(prepared.recipe.data, split) for split in ("train", "validation", "test")}
    recipe = with_changes(recipe, {key: specs for key, specs in places.items() if specs})
    write_text(directory / RECIPE, tomlkit.dumps(recipe.model_dump(exclude_unset=True, exclude_none=True)))
