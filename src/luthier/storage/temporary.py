"""Files outside the run directory, in the system's place for temporary files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from luthier.storage.disk import CHUNK


def temporary_file(suffix: str = "") -> Path:
    """A new, empty file; the caller removes it."""
    handle, name = tempfile.mkstemp(prefix="luthier-", suffix=suffix)
    os.close(handle)
    return Path(name)


def temporary_directory() -> tempfile.TemporaryDirectory[str]:
    """A new directory that is gone once the block ends, or `cleanup` is called."""
    return tempfile.TemporaryDirectory(prefix="luthier-")


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A copy of a stream that can be read in any order; it is gone once closed."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, CHUNK)
        copy.seek(0)
        yield cast(BinaryIO, copy)
