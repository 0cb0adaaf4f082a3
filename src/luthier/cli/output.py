"""Where a command's result goes: a table for people, or one JSON object on standard output."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console as Terminal

from luthier.cli.console import RichConsole
from luthier.errors import UsageError
from luthier.reporting.display import Grid, Piece, show


class Output:
    """The two streams of a command.

    Args:
        as_json: The result is one JSON object; everything else, also what libraries print, goes to standard error.
        quiet: Say only what should not be missed.
        verbose: Say more.
    Raises:
        UsageError: Both quiet and verbose are asked for.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        if quiet and verbose:
            raise UsageError("--quiet and --verbose exclude each other", hint="keep one of them")
        self.as_json = as_json
        self.console = RichConsole(Terminal(stderr=True, highlight=False), quiet=quiet, verbose=verbose)
        self._stream = sys.stdout
        self._terminal = Terminal(file=self._stream, highlight=False)
        if as_json:
            sys.stdout = sys.stderr

    def json(self, value: Mapping[str, Any]) -> None:
        """One JSON object on one line."""
        self._stream.write(dumps(value) + "\n")

    def text(self, text: str = "") -> None:
        """Plain text, as it is."""
        self._stream.write(text + "\n")

    def piece(self, text: str) -> None:
        """A piece of a text that is still being written."""
        self._stream.write(text)
        self._stream.flush()

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        numbers: Iterable[int] = (),
        whole: Iterable[int] = (),
    ) -> None:
        """A table for people.

        Args:
            columns: Headings.
            rows: One string a cell.
            numbers: Columns that are aligned to the right.
            whole: Columns whose cells are never broken into lines.
        """
        self.show([Grid(columns, list(rows), tuple(numbers), tuple(whole))])

    def show(self, pieces: Sequence[Piece]) -> None:
        """Fields and tables for people."""
        show(pieces, self._terminal)


def dumps(value: Any) -> str:
    """JSON on one line. Dates are written as text; nan and infinity are refused, because scripts cannot read them."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
