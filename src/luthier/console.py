"""Progress and messages of running work. The base classes print nothing, which is the default in Python."""

from collections.abc import Iterator
from contextlib import contextmanager

from luthier.findings import Decision, Finding


class Progress:
    """The progress bar of one piece of work. The base class draws nothing."""

    def advance(self, n: int = 1, *, total: int | None = None, **fields: str) -> None:
        """Advance by `n` units.

        Args:
            n: Units done since the last call.
            total: The total number of units, if it may have changed.
            fields: Values to show next to the bar, name to formatted value (`loss="0.412"`).
        """


class Console:
    """Receives the decisions, findings and messages of running work."""

    def decision(self, decision: Decision) -> None:
        """Print a choice made for the user."""

    def finding(self, finding: Finding) -> None:
        """Print a finding of a check."""

    def say(self, text: str) -> None:
        """Print a line of text."""

    def warn(self, text: str) -> None:
        """Print a warning."""

    @contextmanager
    def progress(self, name: str, total: int | None, unit: str = "rows", done: int = 0) -> Iterator[Progress]:
        """Show the progress of a piece of work.

        Args:
            name: Name of the work (`train`, `evaluate`, `tokenize`).
            total: Total number of units; None if unknown.
            unit: What is counted.
            done: Units done before, as after a resume.
        """
        yield Progress()
