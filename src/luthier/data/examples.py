"""Read examples by whole columns or in blocks: `datasets` reads and formats each row by itself, which takes long."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload
from uuid import uuid4

import numpy as np
import pyarrow as pa
from datasets import Dataset

from luthier.arrays import IntArray
from luthier.storage.spilled import spilled_table

BLOCK = 10_000  # rows read at once
MOST_HELD = 2**24  # bytes of a table that stays in memory


class Column(Sequence[Any]):
    """The values of a column, made as they are asked for: Python objects take several times the memory of Arrow's."""

    def __init__(self, values: pa.ChunkedArray) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        return self._values[place].to_pylist() if isinstance(place, slice) else self._values[int(place)].as_py()

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), BLOCK):
            yield from self._values.slice(start, BLOCK).to_pylist()


def rows_of(examples: Dataset) -> Iterator[dict[str, Any]]:
    """The examples one by one."""
    for block in examples.with_format("arrow").iter(BLOCK):
        yield from block.to_pylist()


def values_of(examples: Dataset, name: str) -> Column:
    """The values of a column."""
    return Column(_column(examples, name))


def numbers_of(examples: Dataset, name: str) -> IntArray:
    """The values of a column of whole numbers."""
    return np.asarray(_column(examples, name), dtype=np.int64)


def take(examples: Dataset, indices: Sequence[int] | Any) -> Dataset:
    """The examples at given positions, as a new dataset."""
    table: pa.Table = examples.with_format("arrow")[:]
    places = pa.array(indices, type=pa.int64())
    blocks = (table.take(places.slice(start, BLOCK)) for start in range(0, len(places), BLOCK))
    large = table.nbytes * len(places) > MOST_HELD * max(1, len(table))
    return dataset_of(spilled_table(blocks, table.schema) if large else joined(blocks, table.schema))


def dataset_of(table: pa.Table) -> Dataset:
    """A dataset of a table. Without a name for its content, `datasets` would pickle all of it to make one."""
    return Dataset(table, fingerprint=uuid4().hex)


def joined(tables: Iterable[pa.Table], schema: pa.Schema | None = None) -> pa.Table:
    """Tables one after the other; with a schema, there may be none."""
    empty = [] if schema is None else [schema.empty_table()]
    return pa.concat_tables([*empty, *tables], promote_options="permissive")


def _column(examples: Dataset, name: str) -> pa.ChunkedArray:
    return examples.select_columns(name).with_format("arrow")[:].column(0)
