"""Read examples by whole columns or in blocks: `datasets` reads and formats each row by itself, which takes long."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset

from luthier.arrays import IntArray

BLOCK = 10_000  # rows read at once


def rows_of(examples: Dataset) -> Iterator[dict[str, Any]]:
    """The examples one by one."""
    for block in examples.with_format("arrow").iter(BLOCK):
        yield from block.to_pylist()


def values_of(examples: Dataset, name: str) -> list[Any]:
    """The values of a column."""
    return list(_column(examples, name).to_pylist())


def numbers_of(examples: Dataset, name: str) -> IntArray:
    """The values of a column of whole numbers."""
    return np.asarray(_column(examples, name), dtype=np.int64)


def _column(examples: Dataset, name: str) -> pa.ChunkedArray:
    return examples.select_columns(name).with_format("arrow")[:].column(0)
