"""Progress and messages of running work. The base classes print nothing, which is the default in Python."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path

from luthier.findings import Decision, Finding


class Progress:
    """The progress bar of one piece of work. The base class draws nothing."""

    def advance(self, n: int = 1, **fields: str) -> None:
        """Advance by `n` units.

        Args:
            n: Units done since the last call.
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


class Tee(Console):
    """Copies everything to another console and to a log file; the file can be named after the first messages.

    Args:
        console: The other console.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._log = logging.Logger("luthier.run_directory.run")
        self._early = MemoryHandler(capacity=10_000, flushLevel=logging.CRITICAL + 1)
        self._log.addHandler(self._early)

    def write_to(self, path: Path) -> None:
        """Append all earlier and later messages to a file, each with its time."""
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
