"""How lines are cut into fields: the separator, and whether quotes are quotes or plain characters."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from luthier.data.reading.charset import Lines, line_fault, strip_end
from luthier.data.records import Fault

# The longest row in lines: beyond it a quote counts as never closed.
MOST_LINES = 10_000
UNCLOSED, STRAY = "unclosed-quote", "stray-quote"

csv.field_size_limit(1 << 31)


class FieldRow(NamedTuple):
    """One row of fields, or why there is none.

    Args:
        lines: First and last line in the file.
        fields: As written, without the quotes around them.
        fault: Why the row cannot be used.
    """

    lines: tuple[int, int]
    fields: list[str]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines become fields.

    Args:
        separator: Empty for a single column.
        quote: The character around quoted fields; empty where quotes are plain characters.
        escape: The character before a quote inside a quoted field; empty where such a quote is doubled.
        skip_blank: Whether blanks after a separator are not part of the field.
    """

    separator: str
    quote: str = '"'
    escape: str = ""
    skip_blank: bool = False

    def rows(self, lines: Lines) -> Iterator[FieldRow]:
        """Every row that is not an empty line."""
        return self._quoted(lines) if self.quote else self._plain(lines)

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
        """Set one line aside and have the others read again: an open quote must not swallow the rows below it."""
        first, rest = feed.taken[0], feed.taken[1:]
        lines.give_back(rest)
        span = (lines.number, lines.number)
        if fault := line_fault(first):
            return FieldRow(span, [], fault)
        if self.quote not in first:
            # A carriage return inside an unquoted field, which csv refuses, is part of the text.
            return FieldRow(span, strip_end(first).split(self.separator) if self.separator else [strip_end(first)])
        if rest or "unexpected end" in str(error):
            return FieldRow(span, [], Fault(UNCLOSED, "a quote is opened and never closed"))
        return FieldRow(span, [], Fault(STRAY, "text follows a closing quote"))


class _Feed:
    """Lines for one row of csv.reader, remembered so that they can be handed back."""

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
