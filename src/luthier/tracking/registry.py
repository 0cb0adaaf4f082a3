"""The registry of trackers, Luthier's and those of other packages, from the entry point group `luthier.trackers`."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint

from luthier.errors import LuthierError, UsageError, nearest
from luthier.plugins import Ignored, take_plugins
from luthier.tracking.base import Tracker

GROUP = "luthier.trackers"


@cache
def registered() -> tuple[Mapping[str, type[Tracker]], Mapping[str, str]]:
    """Name to tracker, and entry point to why it provides none. No plug-in can take the name of Luthier's own."""
    kinds: dict[str, type[Tracker]] = {}

    def take(entry: EntryPoint, package: str) -> None:
        kind = entry.load()
        if not (isinstance(kind, type) and issubclass(kind, Tracker)):
            raise TypeError(f"{entry.value} is not a class with the methods of luthier.tracking.base.Tracker")
        if entry.name in kinds:
            raise Ignored(f"the name {entry.name!r} is taken")
        kinds[entry.name] = kind

    broken = take_plugins(GROUP, "tracker", take)
    return kinds, broken


def make_trackers(names: Iterable[str], where: str = "tracking.trackers") -> dict[str, Tracker]:
    """Make trackers by name, each once.

    Raises:
        UsageError: There is none of that name, or it cannot start: a package or a key is missing.
    """
    return {name: _make(name, f"{where} {name}") for name in names}


def _make(name: str, where: str) -> Tracker:
    kinds, broken = registered()
    if name in broken and name not in kinds:
        raise UsageError(broken[name], where=where, hint="fix the package, or uninstall it")
    if name not in kinds:
        several = [f"--track {part.strip()}" for part in name.split(",")]
        hint = f"repeat the option: {' '.join(several)}" if len(several) > 1 else nearest(name, kinds)
        raise UsageError(f"no tracker {name!r}", where=where, hint=hint)
    try:
        return kinds[name]()
    except LuthierError as error:
        error.where = where
        raise
    except Exception as error:
        what = f"the tracker {name!r} cannot start: {type(error).__name__}: {error}"
        raise UsageError(what, where=where, hint="fix its package, or train without it") from None
