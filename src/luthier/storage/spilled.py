"""Arrays and tables on disk: what is too large for memory, in a temporary file."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from luthier.errors import ResourceError
from luthier.storage.disk import before_change, free


class SpilledArray:
    """An array of zeros in a temporary file, which is removed once the array is no longer used.

    Raises:
        ResourceError: The temporary directory has no room for it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        with _spilling():
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


@contextmanager
def _spilling() -> Iterator[None]:
    """Convert an OSError in the temporary directory to a ResourceError."""
    place = Path(tempfile.gettempdir())
    try:
        before_change("write", place)
        yield
    except OSError as error:
        hint = f"{free(place)} available there; free some disk space, or set TMPDIR to a directory with more"
        raise ResourceError(f"cannot write: {error.strerror or error}", where=str(place), hint=hint) from None


def spilled_table(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables one after the other, in a temporary file, which is removed once the result is no longer used.

    Raises:
        ResourceError: The temporary directory has no room for it.
    """
    with _spilling(), tempfile.TemporaryFile(prefix="luthier-") as file:
        with pa.ipc.new_stream(pa.PythonFile(file, mode="w"), schema) as writer:
            for table in tables:
                writer.write_table(table)
        file.flush()
        return pa.ipc.open_stream(pa.py_buffer(np.memmap(file, np.uint8, "r"))).read_all()
