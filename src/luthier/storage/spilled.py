"""Arrays and tables on disk: what is too large for memory, in a temporary file."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from luthier.storage.disk import before_change, writing


class SpilledArray:
    """An array of zeros in a temporary file, which is removed once the array is no longer used.

    Args:
        shape: Its shape.
        dtype: The type of its values.
    Raises:
        ResourceError: The temporary directory has no room for it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        place, size = Path(tempfile.gettempdir(), "luthier"), int(np.prod(shape)) * np.dtype(dtype).itemsize
        with writing(place):
            before_change("write", place)
            self._file = tempfile.TemporaryFile(prefix="luthier-")  # noqa: SIM115  # lives as long as the array
            self._file.truncate(max(size, 1))
            if hasattr(os, "posix_fallocate"):  # not on macOS
                # Without reserved room, writing to a page that the disk cannot hold would kill the process.
                os.posix_fallocate(self._file.fileno(), 0, max(size, 1))
        self.values: NDArray[Any] = np.memmap(self._file, dtype, "r+", shape=shape)

    @classmethod
    def of(cls, values: NDArray[Any]) -> "SpilledArray":
        """A copy of an array."""
        spilled = cls(values.shape, values.dtype)
        spilled.values[...] = values
        return spilled

    def private(self) -> NDArray[Any]:
        """The array; changes to the result stay in memory, and are not seen in the file or in other results."""
        return np.asarray(np.memmap(self._file, self.values.dtype, "c", shape=self.values.shape))


def spilled_table(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables one after the other, in a temporary file, which is removed once the result is no longer used.

    Args:
        tables: The tables.
        schema: Their columns.
    Raises:
        ResourceError: The temporary directory has no room for it.
    """
    place = Path(tempfile.gettempdir(), "luthier")
    with writing(place):
        before_change("write", place)
        with tempfile.TemporaryFile(prefix="luthier-") as file:
            with pa.ipc.new_stream(pa.PythonFile(file, mode="w"), schema) as writer:
                for table in tables:
                    writer.write_table(table)
            file.flush()
            return pa.ipc.open_stream(pa.py_buffer(np.memmap(file, np.uint8, "r"))).read_all()
