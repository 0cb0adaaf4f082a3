"""Rows as annotation tools export them, converted to ordinary rows: a text, and what was chosen for it.

An export is a layout of rows in any file format, so it is recognised in the rows that a reader gives.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from luthier.data.reading.formats.annotation import label_studio, prodigy
from luthier.data.reading.formats.annotation.layout import Convert
from luthier.data.reading.reader import Part, Reader, Reading
from luthier.data.records import Fault, Record, Skipped
from luthier.findings import Decision

FIRST_ROWS = 1_000  # rows in which a layout is recognised
_TOOLS = (prodigy, label_studio)


@dataclass
class ExportReader(Reader):
    """Converts the rows of another reader."""

    base: Reader
    convert: Convert

    def records(self) -> Iterator[Record | Skipped]:
        for row in self.base.records():
            if isinstance(row, Skipped):
                yield row
                continue
            found = self.convert(row.values)
            yield found.of(row) if isinstance(found, Fault) else replace(row, values=found)

    def part(self, size: int, of: int) -> Part | None:
        part = self.base.part(size, of)
        if part is None:
            return None
        reader = replace(self, name=part.reader.name, decisions=[*self.decisions], base=part.reader)
        return replace(part, reader=reader)


def converted(reader: Reader, how: Reading) -> Reader:
    """The reader itself, or one that converts its rows if they are the export of an annotation tool.

    A model reads only the texts of new rows: of those with its columns, none is skipped for its annotation.

    Raises:
        SourceError: The rows can be read in two ways.
    """
    columns = set(reader.columns)
    tools = [tool for tool in _TOOLS if tool.SIGNS & columns]
    if not tools or columns & set(how.columns):
        return reader
    first = itertools.islice(reader.records(), FIRST_ROWS)
    rows = [row.values for row in first if isinstance(row, Record)]
    found = (tool.find(rows, reader.name, how.columns) for tool in tools if rows)
    layout = next(filter(None, found), None)
    if layout is None:
        return reader
    given = (layout.convert(row) for row in rows)
    names = dict.fromkeys(name for row in given if not isinstance(row, Fault) for name in row)
    decisions = [*reader.decisions, Decision("layout", layout.tool, layout.why)]
    return ExportReader(reader.name, reader.format, list(names) or reader.columns, decisions, reader, layout.convert)
