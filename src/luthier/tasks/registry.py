"""Which tasks there are, ours and those of other packages, and how a task comes back from what it wrote."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import TypeAdapter

from luthier.data.tokenized import Limits
from luthier.errors import UsageError, nearest
from luthier.tasks.base import Task
from luthier.tasks.phases import Fitted

GROUP = "luthier.tasks"
OURS = "luthier"


@dataclass(frozen=True)
class Registered:
    """What the entry points of the group gave.

    Args:
        tasks: Name to task.
        broken: Entry point to why it gave no task, in words that name its package.
    """

    tasks: Mapping[str, Task[Any]]
    broken: Mapping[str, str]


_PROVISIONAL: list[Task[Any]] = []


@contextmanager
def provisional(task: Task[Any]) -> Iterator[None]:
    """Know a task that no entry point names, while it is being tried."""
    _PROVISIONAL.append(task)
    registered.cache_clear()
    try:
        yield
    finally:
        _PROVISIONAL.remove(task)
        registered.cache_clear()


@cache
def registered() -> Registered:
    """Every task by name, and the plug-ins that could not be taken. Ours come first: no plug-in takes their names."""
    tasks: dict[str, Task[Any]] = {}
    broken: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (_package(entry) != OURS, entry.name)):
        where = f"the task {entry.name!r} of the package {_package(entry)}"
        try:
            task = entry.load()()
            if not isinstance(task, Task):
                raise TypeError(f"{entry.value} is no subclass of luthier.tasks.base.Task")
        except Exception as error:  # whatever a stranger's module does when it is imported
            broken[entry.name] = f"{where} cannot be used: {type(error).__name__}: {error}"
            continue
        if task.name in tasks:
            broken[entry.name] = f"{where} is left out: the package {tasks[task.name].package} has a task of that name"
            continue
        tasks[task.name] = task
    return Registered(tasks | {task.name: task for task in _PROVISIONAL}, broken)


def registry() -> Mapping[str, Task[Any]]:
    """Every task by name: those of the entry point group `luthier.tasks`, ours among them."""
    return registered().tasks


def find(name: str, package: str = "") -> Task[Any]:
    """The task of that name.

    Args:
        name: Of the task.
        package: The package that it came from, where that is known.
    Raises:
        UsageError: No such task, with the nearest one, or with the package that brings it.
    """
    tasks, broken = registered().tasks, registered().broken
    if name in tasks:
        return tasks[name]
    if name in broken:
        raise UsageError(broken[name], where="--task", hint="mend the package or uninstall it")
    if package and package != OURS:
        raise UsageError(f"the task {name!r} is not installed", where="--task", hint=f"pip install {package}")
    raise UsageError(f"no task {name!r}", where="--task", hint=nearest(name, tasks))


def restore(card: Mapping[str, Any]) -> Fitted[Any]:
    """The task that `Fitted.to_dict` wrote down."""
    kind = find(card["task"], card.get("package", ""))
    learned = TypeAdapter(kind.learned_type(card["shape"])).validate_python(card["learned"])
    return Fitted(kind, card["shape"], card["columns"], card["details"], learned)


def limits_in(card: Mapping[str, Any]) -> Limits:
    """The limits that `Bound.card` wrote down."""
    return Limits(card["max_length"], card.get("max_target_length"), card.get("stride") or 0)


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown"
