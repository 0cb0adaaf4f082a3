"""`watch`: follow a run, or all runs in a directory, until they end."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from luthier.errors import LuthierError, RunError
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.following import Follower, Snapshot
from luthier.run_directory.life import Life, life_of
from luthier.run_directory.run import RUNS, Run, as_path, list_runs
from luthier.run_directory.run_set import list_sets
from luthier.storage.lock import OWNER

EVERY = 1.0  # seconds between two looks


def watch(
    path: Path | str,
    show: Callable[[Sequence[Snapshot]], None] = lambda _: None,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> list[Snapshot]:
    """Follow a run, or all runs in a directory, until they end. Only reads, and takes no lock.

    Args:
        path: A run directory, also of a run on another host, or a directory of runs, also of several of one command.
        show: Called with a snapshot of each run, about once a second.
        pause: Waits for a number of seconds.
    Returns:
        The last snapshots: `life.state` says how each run ended.
    Raises:
        RunError: There is no run.
        DamagedError: A file of the run is damaged; one of several runs is shown as `failed` instead.
        RecipeError: Its recipe cannot be read.

    Example:
        >>> luthier.watch("runs/first", lambda shots: print(shots[0].step))
    """
    path, followers = as_path(path, "path"), dict[Path, Follower]()
    while True:
        for run in _runs(path):
            followers.setdefault(run.path, Follower(run))
        shots = [_look(follower, alone=is_run(path)) for follower in followers.values()]
        show(shots)
        if all(shot.life.ended for shot in shots) and not _goes_on(path):
            return shots
        pause(EVERY)


def _look(follower: Follower, *, alone: bool) -> Snapshot:
    """A snapshot; among other runs, a damaged one is not an error but a state."""
    try:
        return follower.look()
    except LuthierError as error:
        if alone:
            raise
        return Snapshot(follower.run, Life("failed", error.what), None, {}, Facts(), ())


def is_run(path: Path) -> bool:
    """Whether a directory is a run, perhaps one whose data is still being read."""
    return Run(path).recipe_file.is_file() or ((path / OWNER).is_file() and not (path / RUNS).is_file())


def _goes_on(path: Path) -> bool:
    """Whether a directory of several runs, or such a one in it, is worked on, so that more runs may begin."""
    return any(not life_of(Run(place)).ended for place in [path, *list_sets(path)] if (place / RUNS).is_file())


def _runs(path: Path) -> list[Run]:
    if is_run(path):
        return [Run(path)]
    found = [run for place in [path, *list_sets(path)] for run in list_runs(place)]
    if not found and not _goes_on(path):
        if path.is_dir():
            hint = "`luthier train DATA` creates a run"
            raise RunError("there is no run to watch", where=str(path), hint=hint)
        Run.open(path)  # says what is wrong with the name
    return found
