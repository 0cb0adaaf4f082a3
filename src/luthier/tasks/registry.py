"""The registry of tasks, Luthier's and those of other packages; restoring tasks from task cards."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any

from pydantic import TypeAdapter

from luthier.data.tokenized import Limits
from luthier.errors import RecipeError, UsageError, nearest
from luthier.plugins import OURS, Ignored, take_plugins
from luthier.tasks.base import GROUP, Task
from luthier.tasks.phases import Fitted
from luthier.text import listing


@dataclass(frozen=True)
class Registered:
    """The tasks found in the entry point group.

    Args:
        tasks: Name to task.
        broken: Entry point to why it provides no task, in a message that names its package.
    """

    tasks: Mapping[str, Task[Any]]
    broken: Mapping[str, str]


_PROVISIONAL: list[Task[Any]] = []


@contextmanager
def provisional(task: Task[Any]) -> Iterator[None]:
    """Register a task that has no entry point, for the duration of the context."""
    _PROVISIONAL.append(task)
    registered.cache_clear()
    try:
        yield
    finally:
        _PROVISIONAL.remove(task)
        registered.cache_clear()


@cache
def registered() -> Registered:
    """Every task by name, and the broken plug-ins. Luthier's tasks come first: no plug-in can take their names."""
    tasks: dict[str, Task[Any]] = {}

    def take(entry: EntryPoint, package: str) -> None:
        task = entry.load()()
        if not isinstance(task, Task):
            raise TypeError(f"{entry.value} is not a subclass of luthier.tasks.base.Task")
        if task.name != entry.name:
            raise Ignored(f"it is called {task.name!r}; its entry point needs the same name")
        if task.name in tasks:
            raise Ignored(f"the package {tasks[task.name].package} has a task of that name")
        tasks[task.name] = task

    broken = take_plugins(GROUP, "task", take)
    return Registered(tasks | {task.name: task for task in _PROVISIONAL}, broken)


def registry() -> Mapping[str, Task[Any]]:
    """Every task by name, from the entry point group `luthier.tasks`, Luthier's own included."""
    return registered().tasks


def find(name: str, package: str = "", *, where: str = "--task") -> Task[Any]:
    """Find a task by name.

    Args:
        name: Name of the task.
        package: The package that provides it, if known, as pip takes it (`luthier-stance==1.0`).
        where: Where the task is named, for errors.
    Raises:
        UsageError: There is no such task; the hint names the closest one, or the package to install.
    """
    tasks, broken = registered().tasks, registered().broken
    if name in tasks:
        return tasks[name]
    if name in broken:
        raise UsageError(broken[name], where=where, hint="fix the package, or uninstall it")
    if package and package != OURS:
        what = f"the task {name!r} is not installed: it is in the package {package}"
        raise UsageError(what, where=where, hint=f"pip install {package}")
    raise UsageError(f"no task {name!r}", where=where, hint=nearest(name, tasks))


def refuse_unused(task: Task[Any], shape: str, keys: Iterable[str]) -> None:
    """Refuse recipe keys that some tasks use, but not this one.

    Args:
        task: The task.
        shape: The form of its rows; empty for a task without shapes.
        keys: Dotted keys that were set.
    Raises:
        RecipeError: The task does not use a key.
    """
    for key in keys:
        users = {name: shapes_using(other, key) for name, other in registry().items()}
        if not any(users.values()) or _uses(task, shape, key):
            continue
        own, others = users.get(task.name), [name for name, shapes in users.items() if shapes]
        what = f"task {task.name} does not use {key}" + (f" for rows of shape {shape}" if own else "")
        hint = f"remove it; {'shapes' if own else 'tasks'} that use it: {listing(own or others, 9)}"
        raise RecipeError(what, where=key, hint=hint)


def shapes_using(task: Task[Any], key: str) -> list[str]:
    """The shapes for which a task uses a recipe key that not every task uses; empty if it does not use it."""
    return [shape for shape in task.shapes or ("",) if _uses(task, shape, key)]


def _uses(task: Task[Any], shape: str, key: str) -> bool:
    return any(key == used or key.startswith(f"{used}.") for used in task.uses(shape))


def restore(card: Mapping[str, Any], *, where: str = "--task") -> Fitted[Any]:
    """Restore the task that `Fitted.to_dict` saved; raises like `find`."""
    kind = find(card["task"], card.get("package", ""), where=where)
    learned = TypeAdapter(kind.learned_type(card["shape"])).validate_python(card["learned"])
    return Fitted(kind, card["shape"], card["columns"], card["details"], learned)


def limits_in(card: Mapping[str, Any]) -> Limits:
    """The limits in a task card."""
    return Limits(card["max_length"], card.get("max_target_length"), card.get("stride") or 0)
