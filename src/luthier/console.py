"""What the work says while it goes on. The base says nothing: that is what a Python caller gets by default."""

from collections.abc import Iterator
from contextlib import contextmanager

from luthier.findings import Decision, Finding


class Progress:
    """A bar of one piece of work. The base draws nothing."""

    def advance(self, n: int = 1, **fields: str) -> None:
        """Go on by `n` units.

        Args:
            n: Units done since the last call.
            fields: What to show beside the bar, name to formatted value (`loss="0.412"`).
        """


class Console:
    """Where the steps of the work tell what they chose, noticed and did."""

    def decision(self, decision: Decision) -> None:
        """A choice made for the user, one line."""

    def finding(self, finding: Finding) -> None:
        """Something that a check noticed."""

    def say(self, text: str) -> None:
        """A line of plain words."""

    def warn(self, text: str) -> None:
        """A line that should not be missed."""

    @contextmanager
    def progress(self, name: str, total: int | None, unit: str = "rows", done: int = 0) -> Iterator[Progress]:
        """A bar over a piece of work.

        Args:
            name: What is being done (`train`, `evaluate`, `tokenize`).
            total: Units in all; None where nobody knows.
            unit: What is counted.
            done: Units that were done before, as after a resume.
        """
        yield Progress()
