"""What a tracker is, and what it is told of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from luthier.errors import UsageError
from luthier.run_directory.run import State

PROJECT = "luthier"  # where neither the recipe nor the tracker's own environment variable names a project


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve, as `curves.jsonl` has it.

    Args:
        step: Optimizer step.
        epoch: Its epoch.
        time: When it was recorded, in seconds since the epoch of Unix.
        name: Name of the curve, such as `train/loss`.
        value: May be nan or infinite.
    """

    step: int
    epoch: float
    time: float
    name: str
    value: float


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run before its points.

    Args:
        id: Identifies the run, also after a resume and in another directory; letters and digits.
        name: What people call it.
        project: The project or experiment to put it in, if the recipe names one.
        tags: Words to find it by.
        directory: The run directory.
        recipe: Its recipe: tables of values.
        environment: Versions, processors and so on.
        wait: Seconds after which nobody waits for the end of the tracker any more; 0 for as long as it takes.
    """

    id: str
    name: str
    project: str | None
    tags: Sequence[str]
    directory: Path
    recipe: Mapping[str, Any]
    environment: Mapping[str, Any]
    wait: float = 0.0


@runtime_checkable
class Tracker(Protocol):
    """Takes the curves of a run to a service or a file.

    It is made without arguments, before the training: what is missing then, such as a package or a key, it raises as a
    `UsageError`. Its methods are called in this order from a thread of its own: they may take long and raise anything,
    which costs the training nothing.
    """

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        """Open the run, or the one of the same id from before.

        Returns:
            Name of each curve that it holds already, and the last step of it; later points are sent.
        """

    def points(self, points: Sequence[Point]) -> None:
        """Take some points. Those of a curve come in the order of their steps."""

    def artefacts(self, paths: Sequence[Path]) -> None:
        """Take files and directories, if the service keeps any."""

    def end(self, state: State) -> None:
        """Close the run, and return when everything has arrived."""


def require(tracker: str, module: str) -> None:
    """Check that the package of a tracker is installed, without importing it.

    Raises:
        UsageError: It is not.
    """
    if find_spec(module) is None:
        what = f"the tracker {tracker!r} needs the package {module}, which is not installed"
        raise UsageError(what, where=tracker, hint="pip install 'luthier[track]'")


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key to value of nested tables."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
    return found
