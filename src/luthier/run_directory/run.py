"""The run directory: paths of its files, its lock, and the list of runs."""

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from luthier.errors import DamagedError, RecipeError, RunError, UsageError, nearest
from luthier.recipe import END, Recipe
from luthier.run_directory.files import directory_size, read_object
from luthier.storage.atomic import remove_directory, sweep
from luthier.storage.disk import make_directory
from luthier.storage.lock import LOCK, OWNER, is_locked, locked
from luthier.text import typed

COMPLETED = "all steps completed"  # why a training stopped, in `result.json`, if it was not stopped early
OUT_OF_TIME = "max_time {} left no time for more steps"  # and if its time limit stopped it
State = Literal["done", "running", "stopped"]
RECIPE, CHECKPOINTS = "recipe.toml", "checkpoints"
RUNS = "runs.json"  # in a directory of several runs of one command
BEFORE_RECIPE = {CHECKPOINTS, "data", "environment.json", "data.json", "skipped.jsonl", "log.txt"}


class Inside:
    """A file or directory in the directory of a run or of several."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, run: Any, kind: object = None) -> Path:
        path: Path = run.path
        return path / self._name


@dataclass(frozen=True)
class Run:
    """One execution of a recipe and its directory. Opening a run does not read its files.

    Args:
        path: The run directory.
    """

    path: Path

    recipe_file = Inside(RECIPE)
    environment_file = Inside("environment.json")
    data_file = Inside("data.json")
    data = Inside("data")  # copies of data without a file: standard input, or data passed from Python
    skipped_file = Inside("skipped.jsonl")
    curves_file = Inside("curves.jsonl")
    checkpoints = Inside(CHECKPOINTS)
    model = Inside("model")
    predictions_file = Inside("predictions.parquet")
    metrics_file = Inside("metrics.json")
    samples_file = Inside("samples.jsonl")  # texts that a generative model wrote at each evaluation
    # The metric of each evaluation on paired resamples of the validation rows.
    evaluations_file = Inside("evaluations.parquet")
    task_file = Inside("task.json")  # what the task needs to interpret the predictions; also in the model directory
    # Dotted recipe key to the value that the result was computed with; the recipe may be edited later.
    settings_file = Inside("settings.json")
    time_file = Inside("time.json")  # the plan of a run with a time limit, and the seconds that it has used
    result_file = Inside("result.json")  # as `train --json` prints it; its presence means that the run is complete
    report_file = Inside("report.html")
    traces = Inside("traces")  # pages that trace scored rows, which the report links
    log_file = Inside("log.txt")

    def __fspath__(self) -> str:
        """Every function that takes a run directory takes a run."""
        return str(self.path)

    @classmethod
    def create(cls, path: Path) -> "Run":
        """Create a new run directory. What a start left behind that was killed before its recipe was written is reused.

        Raises:
            RunError: The directory is not empty or cannot be written.
        """
        check_unused(path)
        try:
            make_directory(path / CHECKPOINTS)
        except OSError as error:
            raise RunError(
                f"the run directory cannot be created: {error.strerror}",
                where=str(path),
                hint="choose a writable directory with --run-dir",
            ) from None
        return cls(path)

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """Open an existing run directory.

        Raises:
            RunError: It is not a run directory; the hint suggests a similar name.
            UsageError: It is not a path.
        """
        path = as_path(path, "run_dir")
        with _permitted(path):
            if (path / RECIPE).is_file():
                return cls(path)
            held = list_runs(path)
            siblings = [found.path.name for found in list_runs(path.parent)] if path.parent.is_dir() else []
            what = "it has no recipe.toml" if path.exists() else "no such directory"
        hint = nearest(path.name, siblings) or "`luthier runs` lists the runs"
        hint = f"name one of the runs in it, such as {typed(held[0].path)}" if held else hint
        raise RunError(f"not a run directory: {what}", where=str(path), hint=hint)

    def name(self, given: str | None = None) -> str:
        """Its name: a given one, or that of its directory; a run of several adds its own to the name of all."""
        path = self.path.resolve()
        if (path.parent / RUNS).is_file():
            return f"{given or path.parent.name}-{path.name}"
        return given or path.name

    @property
    def task_package(self) -> str:
        """The package of another author that the task came from, as pip takes it; empty for Luthier's own tasks."""
        return (self.read_json(self.environment_file) or {}).get("task_package") or ""

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run.

        Raises:
            RecipeError: The file is damaged or incomplete (part of a recipe can be a valid recipe of another run).
        """
        if END.encode() not in self.recipe_file.read_bytes():
            hint = "restore the file from a backup, or start the run again"
            raise RecipeError("the recipe is truncated", where=str(self.recipe_file), hint=hint)
        return Recipe.load(self.recipe_file)

    def read_json(self, path: Path) -> dict[str, Any] | None:
        """Read the object in a JSON file of the run; None if the file does not exist yet.

        Raises:
            DamagedError: The file is not a JSON object.
        """
        return read_object(path)

    def scores(self) -> dict[str, Any]:
        """What is in `metrics.json`.

        Raises:
            DamagedError: It is not a JSON object, or a complete run has lost it.
            RunError: The run is not complete.
        """
        found = self.read_json(self.metrics_file)
        if found is None and self.result_file.exists():
            hint = f"restore it from a backup, or train again: luthier train {typed(self.recipe_file)}"
            raise DamagedError("the scores of the run are missing", where=str(self.metrics_file), hint=hint)
        if found is None:
            hint = f"`luthier resume {typed(self.path)}` finishes it"
            raise RunError("the run has no score yet", where=str(self.path), hint=hint)
        return found

    def state(self) -> State:
        """The state of the run."""
        if self.result_file.exists():
            return "done"
        return "running" if is_locked(self.path) else "stopped"

    def size(self) -> int:
        """The bytes of all its files."""
        return directory_size(self.path)

    def remove_checkpoints(self) -> int:
        """Remove the checkpoints atomically, and return their size in bytes.

        Raises:
            ResourceError: They cannot be removed.
        """
        freed = directory_size(self.checkpoints)
        if self.checkpoints.exists():
            remove_directory(self.checkpoints)
        return freed

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the run for writing, and remove what killed processes left partly written; raises like `locked`."""
        with locked(self.path):
            for directory in (self.path, self.checkpoints):
                sweep(directory)
            yield


def as_path(value: Any, name: str) -> Path:
    """A path that a caller passed.

    Args:
        value: Text, a `Path`, or a run or result, which stand for their directory.
        name: Name of the argument.
    Raises:
        UsageError: It is anything else.
    """
    if isinstance(value, str | os.PathLike):
        return Path(os.fspath(value))
    raise UsageError(f"{name} must be a path, got {value!r}", where=f"{name}=", hint="pass text or a pathlib.Path")


def check_unused(path: Path) -> None:
    """Refuse a run directory that is in use.

    Raises:
        RunError: It is not empty.
    """
    with _permitted(path):
        if path.is_dir() and not _is_unused(path):
            held = (path / RECIPE).exists()
            done = "it already contains a run" if held else "it is not empty"
            hint = "choose another directory" + (f", or resume the run: `luthier resume {typed(path)}`" if held else "")
            raise RunError(f"the run directory cannot be used: {done}", where=str(path), hint=hint)


def as_paths(values: Any, name: str) -> list[Path]:
    """Several paths that a caller passed; as `as_path`."""
    if isinstance(values, str | os.PathLike) or not isinstance(values, Iterable):
        hint = "pass a list of paths, also for a single one"
        raise UsageError(f"{name} must be a list of paths, got {values!r}", where=f"{name}=", hint=hint)
    return [as_path(value, name) for value in values]


def new_path(task: str, data_name: str, parent: Path = Path("runs")) -> Path:
    """A new run directory name, such as `runs/2026-11-23-bbc-text-classification-k3f9`."""
    slug = re.sub(r"[^a-z0-9]+", "-", data_name.lower()).strip("-")[:40].rstrip("-") or "data"
    letters = "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(4))
    return parent / f"{datetime.now(UTC):%Y-%m-%d}-{slug}-{task}-{letters}"


def list_runs(parent: Path) -> list[Run]:
    """The runs directly in a directory, sorted by name.

    Raises:
        RunError: The directory cannot be read.
    """
    with _permitted(parent):
        return [Run(path) for path in sorted(parent.iterdir()) if (path / RECIPE).is_file()] if parent.is_dir() else []


def _is_unused(path: Path) -> bool:
    """Whether a directory is empty, or a start claimed it that was killed before it wrote the recipe."""
    names = {entry.name for entry in path.iterdir()}
    names = {name for name in names if name not in (LOCK, OWNER) and not (name[:1] == "." and name.endswith(".tmp"))}
    claimed = (path / OWNER).exists()  # left by a process that was killed, or there while one is running
    return names <= (BEFORE_RECIPE if claimed else {CHECKPOINTS}) and not any((path / CHECKPOINTS).glob("*"))


@contextmanager
def _permitted(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise RunError("no permission to read the directory", where=str(path), hint="check its permissions") from None


def timestamp() -> str:
    """The current time in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
