"""The errors that users see: each says what happened, where and how to fix it, and carries its exit code."""

import difflib
import re
from collections.abc import Iterable

LIKE = 0.75  # least similarity of a setting that is suggested


class LuthierError(Exception):
    """Base of every error that is not a bug in Luthier.

    Args:
        what: What happened, in one line.
        where: File, row, column or recipe key where it happened; empty if there is no such place.
        hint: How to fix it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    @property
    def code(self) -> str:
        """The class's name in kebab case: what a script compares with (`column-missing`)."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__.removesuffix("Error")).lower()

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)

    def to_dict(self) -> dict[str, object]:
        """The form that `--json` prints under `error`."""
        return {"code": self.code, "exit": self.exit_code, "message": self.what, "where": self.where, "hint": self.hint}


class UsageError(LuthierError):
    """The arguments of a command or call are invalid."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe key is unknown, has an invalid value, or contradicts another key."""


class ModelError(UsageError):
    """A model cannot be found, loaded, verified, or used for the task."""


class RunError(UsageError):
    """A run directory is missing, locked by another process, or unsuitable for the command."""


class FingerprintError(RunError):
    """Data or settings that affect the result have changed since the checkpoint was written."""


class DataError(LuthierError):
    """The data cannot be read or cannot be trained on."""

    exit_code = 3


class SourceError(DataError):
    """A data file or folder is missing, empty, or in a format that Luthier cannot read."""


class ColumnError(DataError):
    """A column that was named, or that the task needs, does not exist."""


class FindingError(DataError):
    """A check of the data found a problem that makes training pointless."""


class DamagedError(DataError):
    """A file of a run, checkpoint or model cannot be read, or does not match its checksum."""


class NonFiniteError(DataError):
    """The loss or the gradient norm is not finite."""


class ResourceError(LuthierError):
    """Out of disk space or memory."""

    exit_code = 4


class InterruptedRun(LuthierError):
    """A signal stopped the run; its state was saved first."""

    exit_code = 5


def closest(name: str, known: Iterable[str], *, least: float = 0.6) -> str | None:
    """The known name most similar to a mistyped one, if any is similar: 1 is the same, 0 has no letter in common."""
    lowered = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=least)
    return lowered[close[0]] if close else None


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion for a mistyped name: `did you mean 'label'?`, or else the list of known names."""
    names = list(known)
    if close := closest(name, names):
        return f"did you mean {close!r}?"
    return f"choose one of {', '.join(names)}" if names else ""
