"""Do the runs of a set: those that have not begun are begun, one that stopped is resumed, the others are complete."""

from collections.abc import Callable, Sequence
from pathlib import Path

from luthier.api.one_run import begin, go_on
from luthier.console import Console
from luthier.engines.events import Callback, Events
from luthier.errors import InterruptedRun
from luthier.recipe import Recipe
from luthier.run_directory import clock
from luthier.run_directory.log import Tee
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.text import typed


def carry_on(
    runs: RunSet, recipe_of: Callable[[str], Recipe], spool: Path, callbacks: Sequence[Callback], console: Console
) -> None:
    """Train what is left of each run, one after the other. Process 0 calls this, each other one takes part in each run.

    Args:
        runs: The set, which is locked.
        recipe_of: The recipe of a run that has not begun, by its name.
        spool: The folder with data that was given in memory; the first run keeps it.
        callbacks: As in `train`, for each run.
        console: As in `train`.
    Raises:
        InterruptedRun: A signal stopped one of them; the hint resumes the set.
    """
    trained = False
    for place, name in enumerate(runs.changes, start=1):
        run = Run(runs.path / name)
        done = run.result_file.is_file()
        console.say(f"run {place} of {len(runs.changes)}: {name}{' is complete' if done else ''}")
        with clock.running(anew=trained):  # each run has its own time
            events, log = Events.listening(callbacks), Tee(Console() if done else console)
            try:
                if run.recipe_file.is_file():
                    go_on(run.path, events, log)
                else:
                    begin(recipe_of(name), spool, run.path, events, log)
            except InterruptedRun as error:
                error.hint = f"`luthier resume {typed(runs.path)}` goes on from here"
                raise
        trained = trained or not done
