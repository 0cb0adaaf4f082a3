"""One way to be wrong, as a row of a table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.scene import Scene


@dataclass(frozen=True)
class Case:
    """One way to be wrong.

    Args:
        name: What is wrong.
        words: Makes it so in a scene, and gives the words of the command.
        exit: The exit code.
        what: Part of the message.
        where: Part of the place.
        hint: Part of what to do.
    """

    name: str
    words: Callable[[Scene], list[str]]
    exit: int
    what: str
    where: str
    hint: str


def spoiled(directory: Path, name: str, spoil: Callable[[Path], None]) -> Path:
    """A directory of which one file is spoiled."""
    spoil(directory / name)
    return directory
