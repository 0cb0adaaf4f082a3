"""Excel workbooks."""

import itertools
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from luthier.data.reading.files import DataFile
from luthier.data.reading.header import find_header, name_columns
from luthier.data.reading.reader import BinaryFormat, Reader, Reading
from luthier.data.reading.titles import said, titles_above
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import listing

_HINT = "pip install openpyxl, or save the sheet as CSV"
_SUFFIXES = (".xlsx", ".xlsm")


@dataclass
class ExcelReader(Reader):
    """Reads the first sheet of an Excel file. Cells keep their types; empty rows are ignored."""

    file: DataFile
    header: bool
    titles: int = 0  # rows above the table

    @classmethod
    def open(cls, file: DataFile, head: bytes, how: Reading) -> "ExcelReader | None":
        """The reader for a workbook; None for another zip archive.

        Raises:
            SourceError: openpyxl is not installed, or the file is damaged or has no rows.
        """
        if file.suffix not in _SUFFIXES and b"xl/" not in head:
            return None
        with _sheet(file) as (rows, sheets):
            first = list(itertools.islice(_filled(rows), 100))
        if not first:
            raise SourceError("the first sheet is empty", where=file.name, hint="move the data to the first sheet")
        width = max(_last_filled(row) for row in first)
        texts = [["" if cell is None else str(cell) for cell in (*row, *[None] * width)][:width] for row in first]
        titles = titles_above(texts) if how.header is not False else 0
        above, texts = [" ".join(row) for row in texts[:titles]], texts[titles:]
        header, why = find_header(texts, expected=how.columns) if how.header is None else (how.header, "asked for")
        columns, renamed = name_columns(texts[0] if header else None, width)
        form = Decision("format", "Excel", "from the content")
        decisions = [form, *said(above), Decision("header", "yes" if header else "no", why)]
        if len(sheets) > 1:
            decisions.append(Decision("sheet", sheets[0], f"the first of {listing(sheets)}"))
        return cls(file.name, "excel", columns, decisions + renamed, file, header, titles)

    def records(self) -> Iterator[Record | Skipped]:
        width = len(self.columns)
        with _sheet(self.file) as (rows, _):
            filled = itertools.islice(_filled(rows), self.titles, None)
            header = next(filled) if self.header else None
            for number, row in enumerate(filled, start=1):
                if row == header and width > 1:
                    yield Skipped(self.name, number, "repeated-header", "the header again")
                elif (cells := _last_filled(row)) > width:
                    yield Skipped(self.name, number, "field-count", f"{cells} cells instead of {width}")
                else:
                    padded = (*row, *[None] * width)[:width]
                    yield Record(self.name, number, dict(zip(self.columns, padded, strict=True)))


@contextmanager
def _sheet(file: DataFile) -> Iterator[tuple[Iterator[tuple[Any, ...]], list[str]]]:
    try:
        import openpyxl
    except ImportError as error:
        raise SourceError("reading Excel needs openpyxl", where=file.name, hint=_HINT) from error
    with file.open_seekable() as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise SourceError(f"the Excel file is damaged: {error}", where=file.name, hint="save it again") from error
        try:
            if not book.worksheets:
                raise SourceError("the Excel file has no sheet", where=file.name, hint="save the data as CSV")
            sheet = book.worksheets[0]
            # Some programs write wrong sheet dimensions, which openpyxl would trust.
            sheet.reset_dimensions()
            yield sheet.iter_rows(values_only=True), book.sheetnames
        finally:
            book.close()


def _filled(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    return (row for row in rows if _last_filled(row))


def _last_filled(row: tuple[Any, ...]) -> int:
    return max((place for place, cell in enumerate(row, start=1) if cell is not None), default=0)


FORMAT = BinaryFormat(names=("excel",), suffixes=_SUFFIXES, magic=(b"PK\x03\x04",), open=ExcelReader.open)
