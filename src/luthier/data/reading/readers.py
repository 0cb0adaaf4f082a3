"""Readers of text formats: what they have in common, tables of fields, and plain lines."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from luthier.data.reading.charset import Encoding, Lines, find_encoding, find_newline, line_fault, strip_end
from luthier.data.reading.dialect import Dialect, Fit, find_dialect, named_separator
from luthier.data.reading.files import DataFile
from luthier.data.reading.header import find_header, name_columns
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import count, plural

# The dialect shows in the first megabyte; the first letter that is not UTF-8 may stand further down.
SAMPLE_BYTES = 1 << 20
ENCODING_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Reading:
    """What the user knows about a file; what is left out is found from the content.

    Args:
        format: `csv`, `jsonl`, `json`, `text` (`lines`, `passages`), `conll` or `excel`; empty to find out.
        encoding: Such as `cp1252`.
        separator: A character, or `tab`, `comma`, `semicolon`, `pipe`.
        header: Whether the first row names the columns.
        by_line: Whether plain text, if that is what it is, has a row in each line, whatever it looks like.
    """

    format: str = ""
    encoding: str = ""
    separator: str = ""
    header: bool | None = None
    by_line: bool = False


@dataclass
class Reader(ABC):
    """What turns one source into rows.

    Args:
        name: The source's name as the user wrote it: it stands in every record.
        format: Short name of the form the data is in.
        columns: Names in the order of the file.
        decisions: What was found out about the file.
    """

    name: str
    format: str
    columns: list[str]
    decisions: list[Decision]

    @abstractmethod
    def records(self) -> Iterator[Record | Skipped]:
        """Every row from the first on, each as one record or one rejection, numbered from 1."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text with its encoding.

    Args:
        file: Its bytes.
        encoding: How they become text.
        sample: Text of the beginning.
        whole: Whether the sample is all of it.
        newline: What ends its lines.
    """

    file: DataFile
    encoding: Encoding
    sample: str
    whole: bool
    newline: str

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        with self.file.open() as stream, self.encoding.text(stream, self.newline) as text:
            yield Lines(text, self.newline)

    def read(self) -> str:
        """The whole text at once, for formats that cannot be read by line."""
        with self.file.open() as stream:
            return self.encoding.decode(stream.read())

    def sample_lines(self) -> list[str]:
        """The lines of the sample that are whole and not blank, without their ends."""
        lines = self.sample.split(self.newline)
        if not self.whole and len(lines) > 1:
            lines.pop()
        return [strip_end(line) for line in lines if line.strip()]


def open_text(file: DataFile, encoding: str = "") -> TextFile:
    """Find the encoding of a text.

    Raises:
        SourceError: It is not text, or nothing but blanks.
    """
    head = file.head(ENCODING_BYTES)
    found = find_encoding(head, file.name, encoding)
    sample = found.decode(head[:SAMPLE_BYTES])
    if not sample.strip() and len(head) <= SAMPLE_BYTES:
        raise SourceError("the file holds nothing but blanks", where=file.name, hint="give a file with rows of data")
    return TextFile(file, found, sample, len(head) <= SAMPLE_BYTES, find_newline(sample))


@dataclass
class TextReader(Reader):
    """Plain text: one row a line; blank lines separate and are no rows."""

    text: TextFile

    @classmethod
    def open(cls, text: TextFile) -> "TextReader":
        why = Decision("format", "text", "one row a line; blank lines are no rows")
        return cls(text.file.name, "text", ["text"], [why, text.encoding.decision()], text)

    def records(self) -> Iterator[Record | Skipped]:
        number = 0
        with self.text.lines() as lines:
            for line in lines:
                if fault := line_fault(line):
                    number += 1
                    yield Skipped(self.name, number, fault[0], f"line {count(lines.number)}: {fault[1]}")
                elif not line.isspace():
                    number += 1
                    yield Record(self.name, number, {"text": strip_end(line)})


@dataclass
class DelimitedReader(Reader):
    """CSV and its relatives: fields between separators, with or without quotes and header."""

    text: TextFile
    dialect: Dialect
    header: bool
    skipped: int = field(default=0)

    @classmethod
    def open(cls, text: TextFile, how: Reading) -> "DelimitedReader | None":
        """The reader when the text is a table, else None.

        Raises:
            SourceError: There is nothing below the header.
        """
        sample, stated = _after_statement(text.sample, text.newline)
        wanted = how.separator or stated
        suffix = ".csv" if how.format == "csv" else text.file.suffix
        fit = find_dialect(sample, text.newline, text.whole, suffix, named_separator(wanted) if wanted else None)
        if fit is None:
            return None
        header, why = _header(fit, how)
        if header and text.whole and len(fit.rows) == 1:
            raise SourceError("a header and no rows", where=text.file.name, hint="give a file with rows of data")
        columns, renamed = _columns(fit, header)
        decisions = [
            Decision("format", _name(fit.dialect), "from the content"),
            text.encoding.decision(),
            *fit.decisions(),
            Decision("header", "yes" if header else "no", why),
            *renamed,
        ]
        return cls(text.file.name, "csv", columns, decisions, text, fit.dialect, header, int(bool(stated)))

    def records(self) -> Iterator[Record | Skipped]:
        name, columns, width = self.name, self.columns, len(self.columns)
        with self.text.lines() as lines:
            for _ in range(self.skipped):
                next(lines, None)
            rows = self.dialect.rows(lines)
            if self.header:
                next(rows, None)
            number = 0
            for row in rows:
                if row.fault is None and len(row.fields) == width:
                    number += 1
                    yield Record(name, number, dict(zip(columns, row.fields, strict=True)))
                elif row.fault is not None:
                    number += 1
                    yield Skipped(name, number, row.fault[0], f"{_place(row.lines)}: {row.fault[1]}")
                elif row.fields[0].strip(" ") or len(row.fields) > 1:
                    number += 1
                    detail = f"{_place(row.lines)}: {plural(len(row.fields), 'field')} instead of {width}"
                    yield Skipped(name, number, "field-count", detail)


def _after_statement(sample: str, newline: str) -> tuple[str, str]:
    """The sample without a first line `sep=;`, as Excel writes it, and the separator that it states."""
    first, _, rest = sample.partition(newline)
    found = re.fullmatch(r'"?sep=(.)"?\r?', first)
    return (rest, found[1]) if found else (sample, "")


def _header(fit: Fit, how: Reading) -> tuple[bool, str]:
    if how.header is not None:
        return how.header, "asked for"
    first = fit.rows[0]
    rows = [row.fields for row in fit.rows[1:] if row.fault is None and len(row.fields) == fit.width]
    if first.fault is not None or not first.fields:
        return False, "the first line is damaged"
    if len(first.fields) == fit.width - 1:
        return True, "one name fewer than the rows have fields"
    if len(first.fields) != fit.width:
        rows = [(row + [""] * len(first.fields))[: len(first.fields)] for row in rows]
    return find_header([first.fields, *rows])


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
