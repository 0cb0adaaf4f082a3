"""Data in memory (rows, columns, data frames, `datasets`): copied to Parquet and read like any file."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from luthier.errors import SourceError, UsageError
from luthier.storage.disk import cannot_write
from luthier.text import count, listing, shorten

KINDS = "paths, a list of dicts, a dict of columns, a data frame, or a Dataset or DatasetDict"


class Frame(Protocol):
    """A data frame of pandas or polars."""

    @property
    def columns(self) -> Any: ...


class ColumnTable(Protocol):
    """A `datasets.Dataset` or an Arrow table."""

    @property
    def column_names(self) -> Any: ...


# A `DatasetDict` is a mapping, like a dict of columns.
Data = (
    str
    | os.PathLike[str]
    | Sequence[str | os.PathLike[str]]
    | Sequence[Mapping[str, Any]]
    | Mapping[str, Any]
    | Frame
    | ColumnTable
)
_NAME = b"luthier.name"  # schema metadata: name of the data in messages
_ROWS_AT_ONCE = 10_000


def paths_in(data: Any) -> list[str] | None:
    """The paths and dataset names in `data`; None if it contains the rows themselves."""
    if isinstance(data, str | os.PathLike):
        return [os.fspath(data)]
    if isinstance(data, list | tuple) and all(isinstance(item, str | os.PathLike) for item in data):
        return [os.fspath(item) for item in data]
    return None


def tables_in(data: Any) -> dict[str, Any] | None:
    """The table of each split of a `DatasetDict` or of another mapping of tables; None for other data."""
    if isinstance(data, Mapping) and data and all(map(_has_columns, data.values())):
        return {str(name): table for name, table in data.items()}
    return None


def are_rows(data: Any) -> bool:
    """Whether data is a list with a dict per row."""
    return isinstance(data, Sequence) and bool(data) and all(isinstance(row, Mapping) for row in data)


def write_copy(data: Any, path: Path, name: str = "") -> None:
    """Write in-memory data to a Parquet file.

    Args:
        data: A list of dicts, a dict of columns, a data frame or a `Dataset`.
        path: The file to write.
        name: Name of the data in messages; empty for its type, such as `DataFrame`.
    Raises:
        UsageError: The data has none of these forms.
        SourceError: The data has no rows, or its columns have mixed types or different lengths.
        ResourceError: The disk is full.
    """
    import pyarrow.parquet

    title, schema, tables = _tables(data)
    metadata = {**(schema.metadata or {}), _NAME: (name or title).encode()}
    try:
        with pyarrow.parquet.ParquetWriter(path, schema.with_metadata(metadata)) as writer:
            for table in tables:
                writer.write_table(table)
    except pyarrow.ArrowNotImplementedError as error:
        hint = "drop the column"
        raise SourceError(f"a column cannot be stored as Parquet: {error}", where=title, hint=hint) from None
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from None


def name_of_copy(path: Path) -> str:
    """Name of the data in a file that `write_copy` wrote; empty for any other file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return ""
    import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_schema(path).metadata or {}
    except (pyarrow.ArrowException, OSError):
        return ""  # the reader reports what is wrong with it
    return metadata.get(_NAME, b"").decode()


def _tables(data: Any) -> tuple[str, Any, Iterable[Any]]:
    """The name of the data's type, its Arrow schema, and its rows as Arrow tables."""
    from datasets import Dataset, IterableDataset, IterableDatasetDict

    if isinstance(data, IterableDataset | IterableDatasetDict):
        hint = "Dataset.from_list(list(data)) turns it into a Dataset"
        raise UsageError("an IterableDataset cannot be read twice", where=type(data).__name__, hint=hint)
    if isinstance(data, Dataset):
        # The Arrow schema of the features includes the label names of ClassLabel columns.
        title, rows, schema = "Dataset", len(data), data.features.arrow_schema
        tables: Iterable[Any] = data.with_format("arrow").iter(_ROWS_AT_ONCE)
    else:
        title, table = _table(data)
        rows, schema, tables = table.num_rows, table.schema, [table]
    if not rows:
        raise SourceError("the data has no rows", where=title, hint="pass data with rows")
    return title, schema, tables


def _has_columns(data: Any) -> bool:
    """Whether data is a table: a data frame, an Arrow table or a `Dataset`."""
    return hasattr(data, "columns") or hasattr(data, "column_names")


def _table(data: Any) -> tuple[str, Any]:
    """The name of the data's type, and its Arrow table."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(data, pd.DataFrame):
        # A named index is data: `set_index` makes one of a column, such as the label. Row numbers have no name.
        levels = [(name, data.index.get_level_values(place)) for place, name in enumerate(data.index.names)]
        columns = [(str(name), values) for name, values in levels if name is not None]
        columns += [(str(name), data.iloc[:, place]) for place, name in enumerate(data.columns)]
        return "DataFrame", _of_columns(columns, "DataFrame")
    if _has_columns(data) and hasattr(data, "__arrow_c_stream__"):
        return type(data).__name__, pa.table(data)
    if isinstance(data, Mapping):
        return "dict of columns", _of_columns([(str(name), data[name]) for name in data], "dict of columns")
    if are_rows(data):
        names = dict.fromkeys(name for row in data for name in row)
        columns = [(str(name), [row.get(name) for row in data]) for name in names]
        return "list of dicts", _of_columns(columns, "list of dicts")
    held = f" of {type(data[0]).__name__}" if isinstance(data, list | tuple) and data else ""
    raise UsageError("Luthier cannot read this type of data", where=type(data).__name__ + held, hint=f"give {KINDS}")


def _odd_row(values: Sequence[Any]) -> str:
    """The first row whose value is of another type than most, in words; empty if there is none."""
    kinds = ["float" if type(value) is int else type(value).__name__ for value in values if value is not None]
    most = Counter(kinds).most_common(1)[0][0] if kinds else ""
    for row, value in enumerate(values, start=1):
        kind = type(value).__name__
        if value is not None and most not in (kind, "float" if kind == "int" else kind):
            return f"row {count(row)} has {shorten(repr(value), 40)}, of type {kind}, most rows have {most}"
    return ""


def _of_columns(columns: Sequence[tuple[str, Any]], title: str) -> Any:
    """An Arrow table of columns, of which several may have the same name: the reader tells them apart."""
    import pyarrow as pa

    arrays = []
    for name, values in columns:
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            hint = "pass a list of values per column, or a list with a dict per row"
            raise UsageError(f"column {name!r} is a single value", where=title, hint=hint)
        try:
            arrays.append(pa.array(values, from_pandas=True))
        except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
            hint = "convert its values to one type, such as text"
            odd = _odd_row(list(values)) or str(error)
            raise SourceError(f"column {name!r} does not have one type: {odd}", where=title, hint=hint) from None
    names = [name for name, _ in columns]
    if len(set(map(len, arrays))) > 1:
        shown = listing([f"{name} {len(array)}" for name, array in zip(names, arrays, strict=True)])
        raise SourceError(f"the columns differ in length: {shown}", where=title, hint="pass a value for every row")
    return pa.Table.from_arrays(arrays, names=names)
