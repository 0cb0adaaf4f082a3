"""The log of a run: everything its console prints, except progress bars."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import MemoryHandler
from pathlib import Path

from luthier.console import Console, Progress
from luthier.errors import ResourceError
from luthier.findings import Decision, Finding
from luthier.storage.append import AppendFile


class Tee(Console):
    """Sends everything to another console and to a log file, which may be set after the first messages."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._log = logging.Logger("luthier.run")
        self._early = MemoryHandler(capacity=10_000, flushLevel=logging.CRITICAL + 1)
        self._log.addHandler(self._early)

    def write_to(self, path: Path) -> None:
        """Append all messages so far, and all later ones, to a log file with timestamps."""
        file = _LogFile(path)
        self._early.setTarget(file)
        self._early.close()
        self._log.handlers = [file]

    def decision(self, decision: Decision) -> None:
        self._log.info("%s", decision)
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


class _LogFile(logging.Handler):
    """Log handler that, unlike those of `logging`, raises an error if the disk is full."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._file = AppendFile(path)

    def emit(self, record: logging.LogRecord) -> None:
        self._file.append(f"{self.format(record)}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        super().close()


def log_end(path: Path, how: str, why: str) -> None:
    """Note in a log how a run ended without a result: it `failed` or was `stopped`, and why. Never raises an error."""
    with suppress(ResourceError):
        log = logging.Logger("luthier.run")
        log.addHandler(file := _LogFile(path))
        log.error("%s: %s", how, " ".join(why.split()))
        file.close()
