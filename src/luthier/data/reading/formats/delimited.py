"""CSV and other delimited text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from luthier.data.reading.blocks import TextReader
from luthier.data.reading.dialect import Dialect, FieldRow
from luthier.data.reading.header import find_header, name_columns
from luthier.data.reading.reader import Reading, TextFile, TextFormat
from luthier.data.reading.sniff import SEPARATORS, SEPARATORS_BY_SUFFIX, Fit, find_dialect
from luthier.data.reading.titles import said, titles_of_lines
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count, plural

MOST_ODD = 0.25  # share of damaged rows above which lines are taken for the inside of a text


@dataclass
class DelimitedReader(TextReader):
    """Reads CSV and other delimited text, with or without quotes and header."""

    dialect: Dialect
    header: bool
    skipped: int = field(default=0)  # lines above the table

    @classmethod
    def open(cls, text: TextFile, how: Reading) -> "DelimitedReader | None":
        """The reader if the text is a table, else None.

        Raises:
            SourceError: The table has a header but no rows.
        """
        sample, stated = _after_statement(text.sample, text.newline)
        sample, titles = _after_titles(sample, text.newline, stated, how)
        alone = sample.partition(text.newline)[0].strip().strip('"') in how.columns
        suffix = ".csv" if alone else text.file.suffix
        fit = find_dialect(sample, text.newline, text.whole, suffix, stated or None)
        if fit is None:
            return None
        header, why = _header(fit, how)
        if header and text.whole and len(fit.rows) == 1:
            raise SourceError("a header but no rows", where=text.file.name, hint="pass a file with rows of data")
        columns, renamed = _columns(fit, header)
        decisions = [
            Decision("format", _name(fit.dialect), "from the content"),
            text.encoding.decision(),
            *said(titles),
            *fit.decisions(),
            Decision("header", "yes" if header else "no", why),
            *renamed,
        ]
        return cls(text.file.name, "csv", columns, decisions, text, fit.dialect, header, bool(stated) + len(titles))

    def records(self) -> Iterator[Record | Skipped]:
        name, columns, width = self.name, self.columns, len(self.columns)
        with self.text.lines() as lines:
            for _ in range(self.skipped):
                next(lines, None)
            rows = self.dialect.rows(lines)
            header = next(rows, None) if self.header else None
            # Concatenated files repeat their header; in a single column it may be a value.
            again = header.fields if header is not None and width > 1 else None
            number = 0
            for row in rows:
                if len(row.fields) == 1 < width and row.fault is None and set(row.fields[0]) == {" "}:
                    continue  # a blank line
                number += 1
                if row.fault is not None:
                    yield row.fault.at(name, number, _place(row.lines))
                elif row.fields == again:
                    yield Skipped(name, number, "repeated-header", f"{_place(row.lines)}: the header again")
                elif len(row.fields) == width:
                    yield Record(name, number, dict(zip(columns, row.fields, strict=True)))
                else:
                    detail = f"{_place(row.lines)}: {plural(len(row.fields), 'field')} instead of {width}"
                    yield Skipped(name, number, "field-count", detail)

    def row_start(self, lines: Sequence[str]) -> int | None:
        # A line starts in one of two states: at a row, or inside of quotes. Where the lines only make sense in one of
        # them, it is that one; where they do in both, a row starts where the row is over that began inside of quotes.
        if not lines or not self.dialect.quote:
            return super().row_start(lines)
        newline = self.text.newline
        outside = self.dialect.parse(lines, newline)
        inside = self.dialect.parse([self.dialect.quote, *lines], newline)
        odd_outside = sum(map(self._is_odd, outside))
        odd_inside = sum(map(self._is_odd, inside[1:])) + (inside[0].fault is not None)
        if min(odd_outside, odd_inside) > MOST_ODD * min(len(outside), len(inside)):
            return None
        if odd_outside < odd_inside:
            return 0
        start = inside[0].lines[1]
        certain = start < len(lines) and (odd_inside < odd_outside or any(row.lines[0] == start + 1 for row in outside))
        return start if certain else None

    def _is_odd(self, row: FieldRow) -> bool:
        return row.fault is not None or len(row.fields) != len(self.columns)


def _after_statement(sample: str, newline: str) -> tuple[str, str]:
    """Remove a first line such as `sep=;`, as Excel writes it: the rest of the sample and the separator."""
    first, _, rest = sample.partition(newline)
    found = re.fullmatch(r'"?sep=([^"\r])"?\r?', first)
    return (rest, found[1]) if found else (sample, "")


def _after_titles(sample: str, newline: str, separator: str, how: Reading) -> tuple[str, list[str]]:
    """Remove the lines above a header: the rest of the sample, and these lines."""
    lines = sample.split(newline)
    above = titles_of_lines(lines, [separator] if separator else list(SEPARATORS)) if how.header is not False else 0
    return newline.join(lines[above:]), lines[:above]


def _header(fit: Fit, how: Reading) -> tuple[bool, str]:
    if how.header is not None:
        return how.header, "asked for"
    first = fit.rows[0]
    rows = [row.fields for row in fit.rows[1:] if row.fault is None and len(row.fields) == fit.width]
    if first.fault is not None or not first.fields:
        return False, "the first line is damaged"
    if len(first.fields) == fit.width - 1:
        return True, "one name fewer than fields"
    if len(first.fields) != fit.width:
        rows = [(row + [""] * len(first.fields))[: len(first.fields)] for row in rows]
    return find_header([first.fields, *rows], padded=len(first.fields) != fit.width, expected=how.columns)


def _columns(fit: Fit, header: bool) -> tuple[list[str], list[Decision]]:
    if not header:
        return name_columns(None, fit.width)
    rows = [row.fields for row in fit.rows[1:] if len(row.fields) == fit.width]
    return name_columns(fit.rows[0].fields, fit.width, empty_last=all(not row[-1] for row in rows))


def _name(dialect: Dialect) -> str:
    return {"\t": "TSV", ",": "CSV"}.get(dialect.separator, "separated values")


def _place(lines: tuple[int, int]) -> str:
    first, last = lines
    return f"line {count(first)}" if first == last else f"lines {count(first)}-{count(last)}"


FORMAT = TextFormat(names=("csv",), suffixes=tuple(SEPARATORS_BY_SUFFIX), open=DelimitedReader.open)
