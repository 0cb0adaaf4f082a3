"""Do the runs of a set: those that have not begun are begun, one that stopped is resumed, the others are complete."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from luthier.api.one_run import begin, go_on
from luthier.console import Console, Progress
from luthier.engines.events import Callback, Events
from luthier.errors import InterruptedRun
from luthier.interrupts import Interrupted
from luthier.pipeline.results import Result
from luthier.recipe import Recipe
from luthier.reporting import names
from luthier.reporting.verdict import main_metric
from luthier.run_directory import clock
from luthier.run_directory.log import Tee
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.text import duration, typed


def carry_on(
    runs: RunSet,
    recipe_of: Callable[[str], Recipe],
    spool: Path,
    callbacks: Sequence[Callback],
    console: Console,
    *,
    brief: bool = False,
) -> None:
    """Train what is left of each run, one after the other. Process 0 calls this, each other one takes part in each run.

    Args:
        runs: The set, which is locked.
        recipe_of: The recipe of a run that has not begun, by its name.
        spool: The folder with data that was given in memory; the first run keeps it.
        callbacks: As in `train`, for each run.
        console: As in `train`.
        brief: Show only the progress and the score of each run, and its warnings; its log has the rest. By default from
            the second run on, as runs of one recipe make the same decisions.
    Raises:
        InterruptedRun: A signal stopped one of them; the hint resumes the set.
    """
    trained = False
    for place, name in enumerate(runs.changes, start=1):
        run, which = Run(runs.path / name), f"{place} of {len(runs.changes)}"
        done = run.result_file.is_file()
        if not brief:
            console.say(f"run {which}: {name}{' is complete' if done else ''}")
        briefly = brief or trained
        shown = Console() if done else _Brief(console, f"{name} ({which})") if briefly else console
        with clock.running(anew=trained):  # each run has its own time
            events, log = Events.listening(callbacks), Tee(shown)
            try:
                if run.recipe_file.is_file():
                    result = go_on(run.path, events, log)
                else:
                    result = begin(recipe_of(name), spool, run.path, events, log)
            except (InterruptedRun, Interrupted) as error:
                if not runs.begun:
                    raise
                what = error.what if isinstance(error, InterruptedRun) else f"stopped by {error.signal.name}"
                hint = f"`luthier resume {typed(runs.path)}` goes on from here"
                raise InterruptedRun(what, where=str(run.path), hint=hint) from None
        trained = trained or not done
        if briefly and not done:
            console.say(f"{name}: {_told(result)}, {duration(result.seconds)}")


class _Brief(Console):
    """Shows the training of one of many runs, and its warnings."""

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
    name, _ = main_metric(result.run.read_json(result.run.metrics_file) or {})
    found = result.metrics.get(name)
    return f"{names.metric(name)} {names.score(name, found.value, found.low, found.high)}" if found else "done"
