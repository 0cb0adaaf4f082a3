"""Typed tables: Parquet, Arrow, saved and hub `datasets`, Excel."""

import hashlib
import json
import zipfile
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.feather
import pyarrow.parquet
from pyarrow import ipc

from luthier.data.reading.files import DataFile
from luthier.data.reading.header import find_header, name_columns, unique_names
from luthier.data.reading.readers import Reader, Reading
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import listing

if TYPE_CHECKING:
    from datasets import Dataset

ROWS_AT_ONCE = 1_000
EXCEL_HINT = "pip install 'luthier[excel]', or save the sheet as CSV"


@dataclass
class ArrowReader(Reader):
    """Whatever arrives as Arrow batches. Labels stored as numbers with names become the names, also in lists."""

    names: dict[str, list[str]] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        """The rows, some at a time."""

    def records(self) -> Iterator[Record | Skipped]:
        number = 0
        for batch in self.batches():
            renamed = batch.rename_columns(self.columns)
            for row in _rows_of(renamed):
                number += 1
                if row is None:
                    yield Skipped(self.name, number, "encoding", "bytes that are not valid UTF-8")
                    continue
                for column, names in self.names.items():
                    row[column] = _named(row[column], names)
                yield Record(self.name, number, row)

    def say_names(self) -> None:
        """Note in the decisions which columns give names instead of numbers."""
        for column, names in self.names.items():
            self.decisions.append(Decision(f"values of {column}", listing(names), "names stored with the column"))


@dataclass
class ColumnarFile(ArrowReader):
    """A Parquet, Arrow or Feather file; `kind` is the exact form."""

    file: DataFile
    kind: str

    @classmethod
    def open(cls, file: DataFile, head: bytes) -> "ColumnarFile | None":
        """The reader when the first bytes are those of such a file, else None.

        Raises:
            SourceError: It is damaged or without rows.
        """
        kind = _columnar_kind(head)
        if not kind:
            return None
        form = "parquet" if kind == "Parquet" else "arrow"
        reader = cls(file.name, form, [], [Decision("format", kind, "from the first bytes")], file, kind)
        with reader._batches() as (schema, batches):
            if not any(batch.num_rows for batch in batches):
                raise SourceError("the table has no rows", where=file.name, hint="give a file with rows of data")
        reader.columns = unique_names(schema.names)
        reader.names = _names_in(schema)
        reader.say_names()
        return reader

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        with self._batches() as (_, batches):
            yield from batches

    @contextmanager
    def _batches(self) -> Iterator[tuple[pyarrow.Schema, Iterator[pyarrow.RecordBatch]]]:
        try:
            with self.file.open_seekable() as stream:
                if self.kind == "Parquet":
                    table = pyarrow.parquet.ParquetFile(stream)
                    yield table.schema_arrow, table.iter_batches(ROWS_AT_ONCE)
                elif self.kind == "Arrow stream":
                    with ipc.open_stream(stream) as batches:
                        yield batches.schema, iter(batches)
                elif self.kind == "Arrow":
                    with ipc.open_file(stream) as batches:
                        yield batches.schema, map(batches.get_batch, range(batches.num_record_batches))
                else:
                    whole = pyarrow.feather.read_table(stream)
                    yield whole.schema, iter(whole.to_batches(ROWS_AT_ONCE))
        except pyarrow.ArrowException as error:
            what = f"the {self.kind} file is damaged: {error}"
            raise SourceError(what, where=self.name, hint="write the file again") from error


@dataclass
class DatasetReader(ArrowReader):
    """One split of a saved or hub `datasets` set."""

    dataset: "Dataset"

    @classmethod
    def open(cls, name: str, dataset: "Dataset", why: str) -> "DatasetReader":
        """
        Raises:
            SourceError: It has no rows.
        """
        if not len(dataset):
            raise SourceError("the data set has no rows", where=name, hint="give a split with rows")
        reader = cls(name, "dataset", dataset.column_names, [Decision("format", "datasets", why)], dataset)
        features = {column: _names_of(feature) for column, feature in dataset.features.items()}
        reader.names = {column: names for column, names in features.items() if names}
        reader.say_names()
        return reader

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        for table in self.dataset.with_format("arrow").iter(ROWS_AT_ONCE):
            yield from table.to_batches()

    def digest(self) -> str:
        """SHA-256 of those of the Arrow files in their order."""
        whole = hashlib.sha256()
        for part in self.dataset.cache_files:
            whole.update(DataFile(self.name, Path(part["filename"])).digest().encode())
        return whole.hexdigest()


@dataclass
class ExcelReader(Reader):
    """The first sheet of an Excel file. Cells keep their types; rows without any value are no rows."""

    file: DataFile
    header: bool

    @classmethod
    def open(cls, file: DataFile, how: Reading) -> "ExcelReader":
        """
        Raises:
            SourceError: openpyxl is missing, or the file is damaged or without rows.
        """
        with _sheet(file) as (rows, sheets):
            first = [row for _, row in zip(range(100), _filled(rows), strict=False)]
        if not first:
            raise SourceError("the first sheet is empty", where=file.name, hint="move the data to the first sheet")
        width = max(_last_filled(row) for row in first)
        texts = [["" if cell is None else str(cell) for cell in (*row, *[None] * width)][:width] for row in first]
        header, why = find_header(texts) if how.header is None else (how.header, "asked for")
        columns, renamed = name_columns(texts[0] if header else None, width)
        form = Decision("format", "Excel", "from the content")
        decisions = [form, Decision("header", "yes" if header else "no", why)]
        if len(sheets) > 1:
            decisions.append(Decision("sheet", sheets[0], f"the first of {listing(sheets)}"))
        return cls(file.name, "excel", columns, decisions + renamed, file, header)

    def records(self) -> Iterator[Record | Skipped]:
        width = len(self.columns)
        with _sheet(self.file) as (rows, _):
            filled = _filled(rows)
            if self.header:
                next(filled)
            for number, row in enumerate(filled, start=1):
                if (cells := _last_filled(row)) > width:
                    yield Skipped(self.name, number, "field-count", f"{cells} cells instead of {width}")
                else:
                    padded = (*row, *[None] * width)[:width]
                    yield Record(self.name, number, dict(zip(self.columns, padded, strict=True)))


def is_excel(head: bytes, suffix: str) -> bool:
    """Whether a zip archive is a workbook."""
    return head.startswith(b"PK\x03\x04") and (suffix in (".xlsx", ".xlsm") or b"xl/" in head[: 1 << 16])


def _columnar_kind(head: bytes) -> str:
    kinds = {b"PAR1": "Parquet", b"ARROW1": "Arrow", b"FEA1": "Feather", b"\xff\xff\xff\xff": "Arrow stream"}
    return next((kind for magic, kind in kinds.items() if head.startswith(magic)), "")


def _rows_of(batch: pyarrow.RecordBatch) -> list[dict[str, Any] | None]:
    """The rows of a batch; None for one whose text is not valid, which Arrow notices only here."""
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return [None]
        return [row for at in range(batch.num_rows) for row in _rows_of(batch.slice(at, 1))]


def _names_in(schema: pyarrow.Schema) -> dict[str, list[str]]:
    """The names of labels that `datasets` leaves in the metadata of the files it writes."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        labels = {column: _names_of(feature) for column, feature in features.items()}
    except (ValueError, AttributeError):
        return {}
    return {column: names for column, names in labels.items() if names and column in schema.names}


def _names_of(feature: Any) -> list[str]:
    """The names of a label's numbers, or of those in a list of labels; empty for another feature.

    Args:
        feature: Of `datasets`, or the JSON form of one.
    """
    held = feature if isinstance(feature, dict) else getattr(feature, "__dict__", {})
    names, inside = held.get("names"), held.get("feature")
    if isinstance(names, list):
        return names
    return _names_of(inside) if inside is not None else []


def _named(value: Any, names: list[str]) -> Any:
    """The name of a label's number; None for -1, which `datasets` writes where there is no label."""
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    if value == -1:
        return None
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


@contextmanager
def _sheet(file: DataFile) -> Iterator[tuple[Iterator[tuple[Any, ...]], list[str]]]:
    try:
        import openpyxl
    except ImportError as error:
        raise SourceError("reading Excel needs openpyxl", where=file.name, hint=EXCEL_HINT) from error
    with file.open_seekable() as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise SourceError(f"the Excel file is damaged: {error}", where=file.name, hint="save it again") from error
        try:
            if not book.worksheets:
                raise SourceError("the Excel file has no sheet", where=file.name, hint="save the data as CSV")
            sheet = book.worksheets[0]
            # Some programs write a wrong extent, and openpyxl would believe it.
            sheet.reset_dimensions()
            yield sheet.iter_rows(values_only=True), book.sheetnames
        finally:
            book.close()


def _filled(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    return (row for row in rows if _last_filled(row))


def _last_filled(row: tuple[Any, ...]) -> int:
    return max((place for place, cell in enumerate(row, start=1) if cell is not None), default=0)
