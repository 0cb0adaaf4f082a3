"""Several runs in one directory, made by one command: which runs belong to it, and what each of them sets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.errors import DamagedError, ModelError, RunError
from luthier.run_directory.files import RESTORE, read_object
from luthier.run_directory.run import RECIPE, RUNS, Inside, Run, State, check_unused, list_runs
from luthier.storage.atomic import sweep, write_json
from luthier.storage.disk import make_directory, remove, remove_tree, writing
from luthier.storage.lock import is_locked, locked
from luthier.text import typed

SEEDS, SIZES = "seeds", "sizes"  # of `train --seeds`, and of `datasize`


@dataclass(frozen=True)
class RunSet:
    """Several runs in one directory. Each is an ordinary run.

    Args:
        path: The directory.
        kind: What they differ in: `seeds`, which are one result with a best model, or `sizes`, the training rows.
        changes: Name of each run's directory to what its recipe sets (dotted key to value), in order.
    """

    path: Path
    kind: str
    changes: Mapping[str, Mapping[str, Any]]

    result_file = Inside("result.json")  # the summary of the runs; its presence means that all are complete
    report_file = Inside("report.html")

    @classmethod
    def at(cls, path: Path) -> "RunSet | None":
        """The set of runs in a directory; None if there is none.

        Raises:
            DamagedError: Its file is damaged.
        """
        found = None
        with suppress(NotADirectoryError, PermissionError):
            found = read_object(path / RUNS)
        if found is None:
            return None
        kind, runs = found.get("kind"), found.get("runs")
        if (
            kind not in (SEEDS, SIZES)
            or not isinstance(runs, dict)
            or not runs
            or not all(map(_is_run, *zip(*runs.items(), strict=True)))
        ):
            what = "the file is damaged: it does not name runs and what each of them sets"
            raise DamagedError(what, where=str(path / RUNS), hint=RESTORE)
        return cls(path, kind, runs)

    def __fspath__(self) -> str:
        """Every function that takes a directory of several runs takes a set."""
        return str(self.path)

    @property
    def begun(self) -> list[Run]:
        """The runs that have a recipe, in order."""
        return [Run(self.path / name) for name in self.changes if (self.path / name / RECIPE).is_file()]

    @property
    def done(self) -> list[Run]:
        """The runs that are complete, in order."""
        return [run for run in self.begun if run.result_file.is_file()]

    def summary(self) -> dict[str, Any]:
        """The summary of the runs, as `--json` prints it; empty until all are complete."""
        return read_object(self.result_file) or {}

    @property
    def best(self) -> Run | None:
        """The run that is the model of the set, as its summary says; None if there is none."""
        found = self.summary().get("best")
        return Run(self.path / Path(found["run"]).name) if found else None

    def state(self) -> State:
        """The state of the set: `done` once its summary is written, while all of its runs are there."""
        if self.result_file.is_file() and len(self.done) == len(self.changes):
            return "done"
        return "running" if is_locked(self.path) else "stopped"

    def check_seeds(self) -> None:
        """Check that the runs are the seeds of one recipe, which have a page, a mean and a best model.

        Raises:
            RunError: They are not.
        """
        if self.kind != SEEDS:
            one = f"name one of them, such as {typed(self.done[-1].path)}; " if self.done else ""
            hint = f"{one}`luthier resume {typed(self.path)}` finishes them and shows the scores of all"
            what = "the runs in this directory have different numbers of training rows, so none stands for all"
            raise RunError(what, where=str(self.path), hint=hint)

    def check_done(self) -> None:
        """Check that every run is complete.

        Raises:
            RunError: One is not.
        """
        done = len(self.done)
        if done < len(self.changes):
            hint = f"`luthier resume {typed(self.path)}` finishes them"
            raise RunError(f"{done} of {len(self.changes)} runs are complete", where=str(self.path), hint=hint)

    @contextmanager
    def created(self, *, anew: bool = False) -> Iterator[None]:
        """Write and lock a new set; remove it if an error occurs before its first run has begun.

        What a start left behind that was killed before that is reused.

        Args:
            anew: The set that is there may have others; no run is removed.
        Raises:
            RunError: The directory is not empty.
        """
        existed = self.path.exists()
        if not anew:
            check_set_unused(self.path)
        with writing(self.path):
            make_directory(self.path)
        with self.lock():  # what another process holds is not removed
            try:
                with writing(self.result_file):
                    remove(self.result_file)
                write_json(self.path / RUNS, {"kind": self.kind, "runs": self.changes})
                yield
            finally:
                if not list_runs(self.path):
                    remove_tree(self.path)
                    if existed:
                        make_directory(self.path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the set for writing; raises like `locked`."""
        with locked(self.path):
            sweep(self.path)
            yield


def _is_run(name: Any, changes: Any) -> bool:
    """Whether a directory's name, and what its recipe sets, are those of a run of a set."""
    return isinstance(name, str) and Path(name).name == name != "" and isinstance(changes, dict)


def best_run(path: Path) -> Path:
    """The best run of a directory of several runs; any other path as it is.

    Raises:
        RunError: The runs are not the seeds of one recipe.
        ModelError: The runs are not complete, or none of them was picked.
    """
    runs = RunSet.at(path)
    if runs is None:
        return path
    runs.check_seeds()
    if runs.state() != "done":
        hint = f"`luthier resume {typed(path)}` finishes them"
        raise ModelError("the runs in this directory are not complete yet", where=str(path), hint=hint)
    best = runs.best
    if best is None:
        hint = f"name one of them, such as {typed(path / next(iter(runs.changes)))}"
        raise ModelError("none of the runs in this directory was picked as the model", where=str(path), hint=hint)
    return best.path


def check_set_unused(path: Path) -> None:
    """Refuse a directory that is in use for a new set of runs.

    Raises:
        RunError: It is not empty.
    """
    there = RunSet.at(path)
    if there is None:
        check_unused(path)
    elif list_runs(path):
        hint = f"`luthier resume {typed(path)}` resumes them"
        raise RunError("the directory cannot be used: it already contains runs", where=str(path), hint=hint)


def list_sets(parent: Path) -> list[Path]:
    """The directories of several runs that are directly in a directory, sorted by name."""
    return sorted(file.parent for file in parent.glob(f"*/{RUNS}"))
