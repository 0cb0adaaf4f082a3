"""Trainings of one command, each a run in one directory: those begun before are resumed, complete ones are kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import tomlkit

from luthier.api.one_run import begin, go_on
from luthier.console import Console, Progress
from luthier.engines.events import Events
from luthier.errors import FingerprintError, InterruptedRun
from luthier.interrupts import Interrupted
from luthier.pipeline.data_sizes import SizedRun
from luthier.pipeline.journal import keep_data, same_data
from luthier.pipeline.prepare import Prepared
from luthier.pipeline.recipes import with_changes
from luthier.pipeline.results import Result
from luthier.recipe import Recipe
from luthier.reporting import names
from luthier.reporting.data_size import RECIPE, again
from luthier.run_directory import clock
from luthier.run_directory.log import Tee
from luthier.run_directory.run import Run, check_unused
from luthier.storage.atomic import write_text
from luthier.storage.disk import make_directory
from luthier.storage.temporary import temporary_directory
from luthier.text import duration, typed


def check_same(directory: Path, recipe: Recipe, prepared: Prepared) -> None:
    """Refuse a directory with anything else than runs of this recipe on this data.

    Raises:
        RunError: It is not empty, and no directory of `datasize`.
        FingerprintError: The settings or the data are others.
    """
    kept = directory / RECIPE
    if not kept.is_file():
        check_unused(directory)
        return
    then, now = Recipe.load(kept).flatten(may_change=False), recipe.flatten(may_change=False)
    if changed := [key for key in now if then.get(key) != now[key]]:
        shown = "; ".join(f"{key}: {then.get(key)} -> {now[key]}" for key in changed[:5])
        hint = f"`luthier datasize {typed(kept)} --run-dir {typed(directory)}` goes on with the former settings"
        raise FingerprintError(f"the directory has runs with other settings: {shown}", where=str(directory), hint=hint)
    for path in sorted(directory.glob("rows-*")):
        try:
            same_data(Run(path), prepared)
        except FingerprintError as error:
            hint = "choose a new --run-dir for this data"
            what = "the directory has runs on other data"
            raise FingerprintError(what, where=f"{directory} ({error.where})", hint=hint) from None


def keep_in(directory: Path, recipe: Recipe, prepared: Prepared, spool: Path) -> Recipe:
    """Keep the recipe, and data that was given in memory, in the directory; the recipe with the places of the data."""
    make_directory(directory)
    keep_data(prepared, spool, Run(directory))
    places = {f"data.{split}": getattr(prepared.recipe.data, split) for split in ("train", "validation", "test")}
    recipe = with_changes(recipe, {key: specs for key, specs in places.items() if specs})
    write_text(directory / RECIPE, tomlkit.dumps(recipe.model_dump(exclude_unset=True, exclude_none=True)))
    return recipe


def trained_in(directory: Path, recipe: Recipe, runs: Sequence[SizedRun], console: Console) -> list[Result]:
    """Train each run that has not begun, resume one that stopped, and take the result of the others.

    Raises:
        InterruptedRun: A signal stopped them; the hint has the command that goes on.
    """
    results: list[Result] = []
    for place, planned in enumerate(runs, start=1):
        run = Run(directory / planned.name)
        done, quiet = run.result_file.is_file(), _Quiet(console, f"{planned.name} ({place} of {len(runs)})")
        try:
            with clock.running(anew=True), temporary_directory() as folder:  # each run has its own time
                if run.recipe_file.is_file():
                    result = go_on(run.path, Events(), Tee(quiet))
                else:
                    changed = with_changes(recipe, planned.changes)
                    result = begin(changed, Path(folder), run.path, Events(), Tee(quiet))
        except (InterruptedRun, Interrupted) as error:
            what = error.what if isinstance(error, InterruptedRun) else f"stopped by {error.signal.name}"
            sizes = [run.rows for run in runs]
            hint = f"`{again(directory, sizes, max(map(sizes.count, sizes)))}` goes on"
            raise InterruptedRun(what, where=str(run.path), hint=hint) from None
        results.append(result)
        if not done:
            console.say(f"{planned.name}: {_told(result)}, {duration(result.seconds)}")
    return results


class _Quiet(Console):
    """Shows the training of one of many runs, and its warnings; its log has the rest."""

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name = console, name

    def warn(self, text: str) -> None:
        self._console.warn(f"{self._name}: {text}")

    @contextmanager
    def progress(self, name: str, total: int | None, unit: str = "rows", done: int = 0) -> Iterator[Progress]:
        if name != "train":
            yield Progress()
            return
        with self._console.progress(self._name, total, unit, done) as bar:
            yield bar


def _told(result: Result) -> str:
    name = (result.run.read_json(result.run.metrics_file) or {})["metric_for_best"]
    found = result.metrics.get(name)
    return f"{names.metric(name)} {names.score(name, found.value, found.low, found.high)}" if found else "done"
