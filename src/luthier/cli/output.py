"""The result of a command: tables and text for people, or one JSON object."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from luthier.cli.console import RichConsole
from luthier.errors import UsageError
from luthier.reporting.terminal.display import Piece, show


def check_output(file: Path | None, what: str, suffixes: Collection[str]) -> None:
    """Check where a result goes, before the work.

    Raises:
        UsageError: The name ends in none of the suffixes, or its directory does not exist or cannot be written.
    """
    if file is None:
        return
    if file.suffix not in suffixes:
        wrong = f"{what} cannot be written as {file.suffix or 'a file without a suffix'}"
        raise UsageError(wrong, where=str(file), hint=f"end the name in {' or '.join(suffixes)}")
    if not file.parent.is_dir():
        raise UsageError("there is no such directory", where=str(file.parent), hint="create it, or choose another")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        hint = "check the permissions, or choose another place"
        raise UsageError("the output cannot be written: permission denied", where=str(file), hint=hint)


def typed_command() -> str:
    """The running command as it was typed, for the page that it writes."""
    return shlex.join(["luthier", *sys.argv[1:]])


class Terminal(Console):
    """A rich console that raises if the reader of a pipe is gone; rich would exit with 1, our internal-error code."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Output:
    """The two streams of a command.

    Args:
        as_json: The result is one JSON object; everything else, including what libraries print, goes to standard error.
        quiet: Print only warnings and errors.
        verbose: Print more detail.
    Raises:
        UsageError: Both quiet and verbose are set.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        if quiet and verbose:
            raise UsageError("--quiet and --verbose cannot be combined", hint="use one of them")
        self.as_json = as_json
        self.console = RichConsole(Terminal(stderr=True, highlight=False), quiet=quiet, verbose=verbose)
        self._stream = sys.stdout
        self._terminal = Terminal(file=self._stream, highlight=False)
        if as_json:
            sys.stdout = sys.stderr

    def json(self, value: Mapping[str, Any]) -> None:
        """Write one JSON object on one line."""
        self._stream.write(dumps(value) + "\n")

    def result(self, values: Mapping[str, Any], pieces: Callable[[Mapping[str, Any]], Sequence[Piece]]) -> None:
        """Write a result: as one JSON object, or as the fields and tables that people read."""
        if self.as_json:
            self.json(values)
        else:
            self.show(pieces(values))

    def lines(self, values: Mapping[str, Any], lines: Iterable[str]) -> None:
        """Write a result: as one JSON object, or as lines of text."""
        if self.as_json:
            self.json(values)
        else:
            self.text("\n".join(lines))

    def text(self, text: str = "") -> None:
        """Write text, unchanged."""
        self._stream.write(text + "\n")

    def piece(self, text: str) -> None:
        """Write a piece of text that is still being generated."""
        self._stream.write(text)
        self._stream.flush()

    def live(self) -> Live | None:
        """A part of the terminal to draw on again and again; None where the result is not for a terminal."""
        if self.as_json or self.console.quiet or not self._terminal.is_terminal:
            return None
        return Live(console=self._terminal, auto_refresh=False, vertical_overflow="crop")

    def show(self, pieces: Sequence[Piece]) -> None:
        """Write fields and tables for people."""
        show(pieces, self._terminal)


def dumps(value: Any) -> str:
    """Convert to JSON on one line. Dates become text; nan and infinity are an error, since JSON has neither."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
