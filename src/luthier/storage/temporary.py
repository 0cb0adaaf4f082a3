"""Temporary files and directories, in the system's temporary directory."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from luthier.storage.disk import CHUNK


def temporary_file(suffix: str = "") -> Path:
    """Create an empty file; the caller removes it."""
    handle, name = tempfile.mkstemp(prefix="luthier-", suffix=suffix)
    os.close(handle)
    return Path(name)


def temporary_directory() -> tempfile.TemporaryDirectory[str]:
    """Create a directory that is removed when the block ends or `cleanup` is called."""
    return tempfile.TemporaryDirectory(prefix="luthier-")


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Copy a stream to a seekable temporary file, which is removed when the block ends."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, CHUNK)
        copy.seek(0)
        yield cast(BinaryIO, copy)
