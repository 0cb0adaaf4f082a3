"""What a person at a terminal sees while a command works. All of it goes to standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from luthier.console import Console, Progress
from luthier.findings import Decision, Finding, Severity
from luthier.text import count, duration, listing, share

STYLES: dict[Severity, str] = {"info": "cyan", "warning": "yellow", "error": "bold red"}
SOONEST_SECONDS = 10.0
LATEST_SECONDS = 30.0
LINE_EVERY_SHARE = 0.1


class RichConsole(Console):
    """Tells of the work on a terminal, or in plain lines where there is none.

    Args:
        terminal: Where to write.
        quiet: Nothing but warnings and errors.
        verbose: Also the rows that a finding is about.
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
        line = Text.assemble((finding.severity, STYLES[finding.severity]), f": {finding.message}")
        if finding.action:
            line.append(f" To do: {finding.action}")
        line.append(f" [{finding.id}]", "dim")
        self._write(line)
        if self.verbose and finding.rows:
            self._write(Text(f"  rows {listing(finding.rows, 20)}", "dim"))

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
        """A bar below those that are open already: one piece of work may hold another, as training holds evaluation."""
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
        # The terminal wraps by itself, and a log keeps one line a fact.
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

    def advance(self, n: int = 1, **fields: str) -> None:
        self._fields |= fields
        self._bars.update(self._task, advance=n, fields=_joined(self._fields))


class PlainProgress(Progress):
    """A line every tenth of the work, no sooner than 10 and no later than 30 seconds after the last one.

    Args:
        console: Who writes the line.
        name: What is being done.
        total: Units in all, or None.
        unit: What is counted.
        done: Units done before.
    """

    def __init__(self, console: RichConsole, name: str, total: int | None, unit: str, done: int) -> None:
        self._console = console
        self._name = name
        self._total = total
        self._unit = unit
        self._first = self._done = self._said = done
        self._start = self._said_at = time.monotonic()
        self._fields: dict[str, str] = {}

    def advance(self, n: int = 1, **fields: str) -> None:
        self._done += n
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
