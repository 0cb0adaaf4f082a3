"""What the work says while it goes on. The base says nothing: that is what a Python caller gets by default."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path

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


class Tee(Console):
    """Says everything to another console and to a log file, which may be named later than the first words fall.

    Args:
        console: Who else is told.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._log = logging.Logger("luthier.run_directory.run")
        self._early = MemoryHandler(capacity=10_000, flushLevel=logging.CRITICAL + 1)
        self._log.addHandler(self._early)

    def write_to(self, path: Path) -> None:
        """Append what was said so far, and all that follows, to a file, each line with its time."""
        file = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._early.setTarget(file)
        self._early.close()
        self._log.handlers = [file]

    def decision(self, decision: Decision) -> None:
        self._log.info("%s: %s (%s)", decision.what, decision.value, decision.why)
        self._console.decision(decision)

    def finding(self, finding: Finding) -> None:
        self._log.info("%s %s: %s %s", finding.severity, finding.id, finding.message, finding.action)
        self._console.finding(finding)

    def say(self, text: str) -> None:
        self._log.info(text)
        self._console.say(text)

    def warn(self, text: str) -> None:
        self._log.warning(text)
        self._console.warn(text)

    @contextmanager
    def progress(self, name: str, total: int | None, unit: str = "rows", done: int = 0) -> Iterator[Progress]:
        with self._console.progress(name, total, unit, done) as bar:
            yield bar
