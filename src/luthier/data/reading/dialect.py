"""Split lines into fields by separator and quotes."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from luthier.data.reading.charset import Lines, line_fault, strip_end
from luthier.data.records import Fault

# Maximum lines per row; beyond it, an open quote counts as never closed.
MOST_LINES = 10_000
UNCLOSED, STRAY = "unclosed-quote", "stray-quote"

csv.field_size_limit(1 << 31)


class FieldRow(NamedTuple):
    """One row of fields, or the reason why it cannot be used.

    Args:
        lines: Numbers of its first and last line in the file.
        fields: Fields as written, without the quotes around them.
        fault: Why the row cannot be used; None if it can.
    """

    lines: tuple[int, int]
    fields: list[str]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """Rules for splitting lines into fields.

    Args:
        separator: Character between fields; empty for a single column.
        quote: Character around quoted fields; empty if quotes are plain characters.
        escape: Character before a quote inside a quoted field; empty if such a quote is escaped by doubling.
        skip_blank: Whether to ignore spaces after a separator.
    """

    separator: str
    quote: str = '"'
    escape: str = ""
    skip_blank: bool = False

    def rows(self, lines: Lines) -> Iterator[FieldRow]:
        """Yield every row, ignoring empty lines."""
        return self._quoted(lines) if self.quote else self._plain(lines)

    def parse(self, lines: Iterable[str], newline: str) -> list[FieldRow]:
        """As `rows`, of some lines with their endings."""
        return list(self.rows(Lines(io.StringIO("".join(lines), newline=newline), newline)))

    def _plain(self, lines: Lines) -> Iterator[FieldRow]:
        for line in lines:
            text = strip_end(line)
            if text:
                fields = text.split(self.separator) if self.separator else [text]
                yield FieldRow((lines.number, lines.number), fields, line_fault(line))

    def _quoted(self, lines: Lines) -> Iterator[FieldRow]:
        feed = _Feed(lines)
        reader = csv.reader(
            feed,
            delimiter=self.separator or "\0",  # a line with NUL is skipped anyway
            quotechar=self.quote,
            doublequote=not self.escape,
            escapechar=self.escape or None,
            skipinitialspace=self.skip_blank,
            strict=True,
        )
        while True:
            feed.taken.clear()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._broken(feed, lines, error)
                continue
            if fields:
                span = (lines.number - len(feed.taken) + 1, lines.number)
                yield FieldRow(span, fields, next(filter(None, map(line_fault, feed.taken)), None))

    def _broken(self, feed: "_Feed", lines: Lines, error: csv.Error) -> FieldRow:
        """Use up one line and give back the others, so that an open quote does not swallow the rows below it."""
        first, rest = feed.taken[0], feed.taken[1:]
        lines.give_back(rest)
        span = (lines.number, lines.number)
        if fault := line_fault(first):
            return FieldRow(span, [], fault)
        if self.quote not in first:
            # csv rejects a carriage return inside an unquoted field; here it is part of the text.
            return FieldRow(span, strip_end(first).split(self.separator) if self.separator else [strip_end(first)])
        if rest or "unexpected end" in str(error):
            return FieldRow(span, [], Fault(UNCLOSED, "a quote is opened and never closed"))
        return FieldRow(span, [], Fault(STRAY, "text follows a closing quote"))


class _Feed:
    """Feeds lines to csv.reader and remembers those of the current row, so that they can be given back."""

    def __init__(self, lines: Lines) -> None:
        self.taken: list[str] = []
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == MOST_LINES:
            raise StopIteration
        line = next(self._lines)
        self.taken.append(line)
        return line
