"""Display of results: the same lines and tables in a terminal, in a Python repr and in a notebook."""

import io
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console as Terminal
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

WIDTH = 80  # characters per line of a repr
_LEAST_NAME = 7  # minimum width of field names, in characters
_MOST_WORD = 60  # longer words are broken


@dataclass(frozen=True)
class Fields:
    """Names and values, one pair per line."""

    values: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table.

    Args:
        columns: Headings.
        rows: One string per cell.
        numbers: Indices of right-aligned columns.
        whole: Indices of columns whose cells are never wrapped.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    whole: Sequence[int] = ()


Piece = str | Fields | Grid


class Shown(ABC):
    """Base class of results that are displayed as pieces: as text in a repr, as tables in a notebook."""

    @abstractmethod
    def _pieces(self) -> Sequence[Piece]:
        """The pieces to display."""

    def __repr__(self) -> str:
        return as_text(self._pieces())

    def _repr_html_(self) -> str:
        return as_html(self._pieces())


def show(pieces: Sequence[Piece], terminal: Terminal) -> None:
    """Print pieces to a terminal; fields are aligned across pieces, and their long values are wrapped."""
    names = [name for piece in pieces if isinstance(piece, Fields) for name, _ in piece.values]
    indent = max([_LEAST_NAME, *map(len, names)]) + 2
    for piece in pieces:
        if isinstance(piece, str):
            terminal.print(Text(piece))
            continue
        if isinstance(piece, Grid):
            terminal.print(table(piece), crop=False)  # wider than the terminal where its words are
            continue
        for name, value in piece.values:
            first, *others = _wrapped(value, max(terminal.width - indent, 20))
            lines = [f"{name:<{indent}}{first}", *(" " * indent + other for other in others)]
            terminal.print(Text("\n".join(lines)), soft_wrap=True)


def table(grid: Grid) -> Table:
    """Convert a grid to a rich table. Cells are wrapped between words."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for place, heading in enumerate(grid.columns):
        justify: JustifyMethod = "right" if place in grid.numbers else "left"
        words = [word for cell in (heading, *(row[place] for row in grid.rows)) for word in cell.split()]
        longest = min(max(map(cell_len, words), default=0), _MOST_WORD)
        made.add_column(heading, justify=justify, overflow="fold", no_wrap=place in grid.whole, min_width=longest)
    for row in grid.rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def as_text(pieces: Sequence[Piece]) -> str:
    """Pieces as plain text; fields and tables are laid out for 80 characters per line."""
    stream = io.StringIO()
    show(pieces, Terminal(file=stream, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False))
    lines = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def as_html(pieces: Sequence[Piece]) -> str:
    """Pieces as HTML, for a notebook."""
    return "\n".join(_html(piece) for piece in pieces)


def _wrapped(value: str, width: int) -> list[str]:
    """Wrap a value at whitespace; long words such as paths are not broken."""
    return wrap(value, width, break_long_words=False, break_on_hyphens=False) or [""]


def _html(piece: Piece) -> str:
    rows: Sequence[Sequence[str]]
    if isinstance(piece, str):
        return f"<p>{escape(piece)}</p>"
    if isinstance(piece, Fields):
        rows = [(f"<b>{escape(name)}</b>", escape(value)) for name, value in piece.values]
        return f"<table><tbody>{''.join(_html_row(row, ()) for row in rows)}</tbody></table>"
    head = _html_row([escape(heading) for heading in piece.columns], piece.numbers, "th")
    rows = [[escape(cell) for cell in row] for row in piece.rows]
    body = "".join(_html_row(row, piece.numbers) for row in rows)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(cells: Sequence[str], numbers: Sequence[int], tag: str = "td") -> str:
    sides = ["right" if place in numbers else "left" for place in range(len(cells))]
    drawn = [f'<{tag} style="text-align:{side}">{cell}</{tag}>' for side, cell in zip(sides, cells, strict=True)]
    return f"<tr>{''.join(drawn)}</tr>"
