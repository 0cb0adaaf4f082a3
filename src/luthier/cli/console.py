"""Messages and progress bars of a running command. All of them go to standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from luthier.console import Console, Progress
from luthier.findings import Decision, Finding, Severity
from luthier.text import count, duration, share

STYLES: dict[Severity, str] = {"info": "cyan", "warning": "yellow", "error": "bold red"}
SOONEST_SECONDS = 10.0
LATEST_SECONDS = 30.0
LINE_EVERY_SHARE = 0.1


class RichConsole(Console):
    """Prints messages and progress to a terminal, or as plain lines to anything else.

    Args:
        terminal: Where to print.
        quiet: Print only warnings and errors.
        verbose: Also print the rows behind each finding.
    """

    def __init__(self, terminal: Terminal, *, quiet: bool = False, verbose: bool = False) -> None:
        self.terminal = terminal
        self.quiet = quiet
        self.verbose = verbose
        self._bars: Bars | None = None

    def decision(self, decision: Decision) -> None:
        if not self.quiet:
            why = f" ({decision.why})" if decision.why else ""
            self._write(Text.assemble(f"{decision.what}: ", (decision.value, "bold"), (why, "dim")))

    def finding(self, finding: Finding) -> None:
        if self.quiet and finding.severity == "info":
            return
        severity = (finding.severity, STYLES[finding.severity])
        self._write(Text.assemble(severity, f": {finding.message}", (f" [{finding.id}]", "dim")))
        if finding.action:
            self._write(Text(f"  hint: {finding.action}"))
        if self.verbose and finding.rows:
            self._write(Text(f"  rows {finding.first_rows(20)}", "dim"))

    def say(self, text: str) -> None:
        if not self.quiet:
            self._write(Text(text))

    def warn(self, text: str) -> None:
        self._write(Text.assemble(("warning", STYLES["warning"]), f": {text}"))

    @contextmanager
    def progress(self, name: str, total: int | None, unit: str = "rows", done: int = 0) -> Iterator[Progress]:
        if self.quiet:
            yield Progress()
        elif self.terminal.is_terminal:
            with self._bar(name, total, done) as bar:
                yield bar
        else:
            yield PlainProgress(self, name, total, unit, done)

    @contextmanager
    def _bar(self, name: str, total: int | None, done: int) -> Iterator[Progress]:
        """A bar below the open ones: tasks may be nested, as evaluation is in training."""
        outermost = self._bars is None
        if self._bars is None:
            self._bars = _new_bars(self.terminal)
            self._bars.start()
        bars = self._bars
        task = bars.add_task(name, total=total, completed=done, fields="")
        try:
            yield BarProgress(bars, task)
        finally:
            if outermost:
                bars.stop()
                self._bars = None
            else:
                bars.remove_task(task)

    def _write(self, line: Text) -> None:
        # Terminals wrap long lines themselves; in a log, each message stays on one line.
        self.terminal.print(line, soft_wrap=True)


def _new_bars(terminal: Terminal) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fields]}"),
        TimeRemainingColumn(compact=True),
        console=terminal,
    )


class BarProgress(Progress):
    """One bar on a terminal."""

    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task
        self._fields: dict[str, str] = {}

    def advance(self, n: int = 1, *, total: int | None = None, **fields: str) -> None:
        self._fields |= fields
        self._bars.update(self._task, advance=n, total=total, fields=_joined(self._fields))


class PlainProgress(Progress):
    """Progress as plain lines: one every 10 % of the work, but at least 10 and at most 30 seconds apart.

    Args:
        console: Prints the lines.
        name: Name of the work, such as `train`.
        total: Total number of units; None if unknown.
        unit: What is counted, such as `rows`.
        done: Units done before, as after a resume.
    """

    def __init__(self, console: RichConsole, name: str, total: int | None, unit: str, done: int) -> None:
        self._console = console
        self._name = name
        self._total = total
        self._unit = unit
        self._first = self._done = self._said = done
        self._start = self._said_at = time.monotonic()
        self._fields: dict[str, str] = {}

    def advance(self, n: int = 1, *, total: int | None = None, **fields: str) -> None:
        self._done += n
        self._total = self._total if total is None else total
        self._fields |= fields
        now = time.monotonic()
        waited = now - self._said_at
        tenth = self._total is not None and self._done - self._said >= LINE_EVERY_SHARE * self._total
        if waited >= LATEST_SECONDS or (tenth and waited >= SOONEST_SECONDS):
            self._said, self._said_at = self._done, now
            self._console.say(self._line(now))

    def _line(self, now: float) -> str:
        if self._total is None:
            progress = f"{self._name}: {count(self._done)} {self._unit}"
        else:
            part = f"{count(self._done)}/{count(self._total)}"
            progress = f"{self._name}: {part} {self._unit} ({share(self._done / max(self._total, 1))})"
        words = [progress, _joined(self._fields), self._time_left(now)]
        return ", ".join(word for word in words if word)

    def _time_left(self, now: float) -> str:
        if self._total is None or self._done <= self._first:
            return ""
        pace = (now - self._start) / (self._done - self._first)
        return f"{duration(pace * max(self._total - self._done, 0))} left"


def _joined(fields: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items())
