"""Parquet, Arrow and Feather files."""

import json
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow
import pyarrow.feather
import pyarrow.parquet
from pyarrow import ipc

from luthier.data.reading.files import DataFile
from luthier.data.reading.header import named_apart
from luthier.data.reading.reader import BinaryFormat, Part, Reading, RowReader
from luthier.data.records import Fault, Record, Skipped
from luthier.errors import SourceError
from luthier.findings import Decision
from luthier.text import listing

ROWS_AT_ONCE = 1_000
_KINDS = {b"PAR1": "Parquet", b"ARROW1": "Arrow", b"FEA1": "Feather", b"\xff\xff\xff\xff": "Arrow stream"}


@dataclass
class ArrowReader(RowReader):
    """Reads Arrow batches. Label ids stored with names are replaced by the names, also in lists, and bytes by text.

    Spark, Hive and Impala write texts as bytes that are not marked as UTF-8.
    """

    names: dict[str, list[str]] = field(default_factory=dict, kw_only=True)
    binary: list[str] = field(default_factory=list, kw_only=True)

    @abstractmethod
    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        """Yield the rows in batches."""

    def records(self) -> Iterator[Record | Skipped]:
        number = 0
        for batch in self.batches():
            wanted = [i for i in range(batch.num_rows) if self.wanted(number + i)]
            chosen = batch if len(wanted) == batch.num_rows else batch.take(pyarrow.array(wanted, pyarrow.int64()))
            before, number = number, number + batch.num_rows
            for i, row in zip(wanted, _rows_of(chosen.rename_columns(self.columns)), strict=True):
                at = before + i + 1
                if isinstance(row, Fault):
                    yield row.at(self.name, at)
                    continue
                for column, names in self.names.items():
                    row[column] = _named(row[column], names)
                for column in self.binary:
                    row[column] = _as_text(row[column])
                yield Record(self.name, at, row)

    def say_types(self, schema: pyarrow.Schema) -> None:
        """Add a decision for each column whose label ids are replaced by names, and for those that hold bytes."""
        for column, names in self.names.items():
            self.decisions.append(Decision(f"values of {column}", listing(names), "label names stored with the column"))
        self.binary = [name for name, field in zip(self.columns, schema, strict=True) if _holds_bytes(field.type)]
        if self.binary:
            named = listing([f"column {name!r}" for name in self.binary])
            self.decisions.append(Decision("bytes", named, "read as text where they are UTF-8"))


@dataclass
class ColumnarFile(ArrowReader):
    """Reads a Parquet, Arrow or Feather file; `kind` is the exact format."""

    file: DataFile
    kind: str

    @classmethod
    def open(cls, file: DataFile, head: bytes, how: Reading) -> "ColumnarFile":
        """Open a file with the first bytes `head`.

        Raises:
            SourceError: The file is damaged or has no rows.
        """
        kind = next(kind for magic, kind in _KINDS.items() if head.startswith(magic))
        form = "parquet" if kind == "Parquet" else "arrow"
        reader = cls(file.name, form, [], [Decision("format", kind, "from the first bytes")], file, kind)
        with reader._batches() as (schema, batches):
            if not any(batch.num_rows for batch in batches):
                raise SourceError("the table has no rows", where=file.name, hint="pass a file with rows of data")
        reader.columns, renamed = named_apart(schema.names)
        reader.decisions += renamed
        reader.names = _names_in(schema)
        reader.say_types(schema)
        return reader

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        with self._batches() as (_, batches):
            yield from batches

    def part(self, size: int, of: int) -> Part | None:
        if self.kind == "Parquet":  # compressed, by column
            with self.file.open_seekable() as stream:
                groups = pyarrow.parquet.ParquetFile(stream).metadata
                of = max(of, sum(groups.row_group(i).total_byte_size for i in range(groups.num_row_groups)))
        return super().part(size, of)

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


def _rows_of(batch: pyarrow.RecordBatch) -> list[dict[str, Any] | Fault]:
    """Convert a batch to rows. Invalid values, such as text that is not UTF-8, are only detected here."""
    try:
        return list(batch.to_pylist())
    except (UnicodeDecodeError, OverflowError) as error:
        if batch.num_rows > 1:
            return [row for at in range(batch.num_rows) for row in _rows_of(batch.slice(at, 1))]
        if isinstance(error, UnicodeDecodeError):
            return [Fault("encoding", "bytes that are not valid UTF-8")]
        return [Fault("invalid-value", f"a date or time that is out of range: {error}")]


def _holds_bytes(kind: pyarrow.DataType) -> bool:
    """Whether values of a type are bytes, or lists or objects of them."""
    if pyarrow.types.is_dictionary(kind):
        return _holds_bytes(kind.value_type)
    types = pyarrow.types
    binary = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    inner = (kind.field(place).type for place in range(kind.num_fields))
    return any(is_kind(kind) for is_kind in binary) or any(map(_holds_bytes, inner))


def _as_text(value: Any) -> Any:
    """A value with text in place of bytes that are UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, list | tuple):  # a map is a list of pairs
        return [_as_text(one) for one in value]
    return {key: _as_text(one) for key, one in value.items()} if isinstance(value, dict) else value


def _names_in(schema: pyarrow.Schema) -> dict[str, list[str]]:
    """The label names that `datasets` stores in the metadata of its files."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        labels = {column: names_of(feature) for column, feature in features.items()}
    except (ValueError, AttributeError):
        return {}
    return {column: names for column, names in labels.items() if names and column in schema.names}


def names_of(feature: Any) -> list[str]:
    """The label names of a `ClassLabel` feature or a list of these; empty for other features.

    Args:
        feature: A feature of `datasets`, or its JSON form.
    """
    held = feature if isinstance(feature, dict) else getattr(feature, "__dict__", {})
    names, inside = held.get("names"), held.get("feature")
    if isinstance(names, list):
        return names
    return names_of(inside) if inside is not None else []


def _named(value: Any, names: list[str]) -> Any:
    """The name of a label id; None for -1, which `datasets` writes for a missing label."""
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    if value == -1:
        return None
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


FORMAT = BinaryFormat(
    names=("parquet", "arrow"),
    suffixes=(".parquet", ".pq", ".arrow", ".feather", ".ipc"),
    magic=tuple(_KINDS),
    open=ColumnarFile.open,
)
