"""Plug-ins: what Luthier and other packages provide through entry points."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from luthier.text import shorten

OURS = "luthier"


class Ignored(Exception):
    """Raised for a plug-in that works, but cannot be taken, with the reason."""


def take_plugins(group: str, noun: str, take: Callable[[EntryPoint, str], None]) -> dict[str, str]:
    """Take the plug-ins of a group one by one, Luthier's own first. One that fails breaks nothing else.

    Args:
        group: Entry point group, such as `luthier.tasks`.
        noun: What a plug-in is, such as `task`, for messages.
        take: Loads an entry point of a package and keeps what it provides; raises `Ignored` if it must not be taken.
    Returns:
        Entry point to why it provides nothing, in a message that names its package.
    """
    broken: dict[str, str] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (package_of(entry) != OURS, entry.name)):
        where = f"the {noun} {entry.name!r} of the package {package_of(entry)}"
        try:
            take(entry, package_of(entry))
        except Ignored as why:
            broken[entry.name] = f"{where} is ignored: {why}"
        except (Exception, SystemExit) as error:  # importing a plug-in can raise anything
            broken[entry.name] = f"{where} cannot be used: {type(error).__name__}: {shorten(str(error))}"
    return broken


def package_of(entry: EntryPoint) -> str:
    """The pip package of an entry point; its module if no installed package provides it."""
    return entry.dist.name if entry.dist is not None else entry.module.partition(".")[0]
