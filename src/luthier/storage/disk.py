"""File system changes, one function each, and the error for a failed change."""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from luthier.errors import ResourceError
from luthier.text import size

CHUNK = 1 << 20


def before_change(operation: str, path: Path) -> None:
    """Called before each change, with `write`, `fsync`, `rename`, `remove` or `mkdir`.

    Does nothing: tests replace it to inject faults.
    """


def write(path: Path, data: bytes) -> None:
    """Write a file in place. A failure leaves it incomplete; use `luthier.storage.atomic` where that matters."""
    before_change("write", path)
    path.write_bytes(data)


def copy(stream: BinaryIO, path: Path) -> None:
    """Write the rest of a stream to a file in place."""
    before_change("write", path)
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file, CHUNK)


def join(parts: Sequence[Path], path: Path) -> None:
    """Concatenate files, in order; if there is only one, link to it."""
    before_change("write", path)
    if len(parts) == 1:
        path.symlink_to(parts[0].absolute())
        return
    with path.open("wb") as file:
        for part in parts:
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, file, CHUNK)


def sync(path: Path, handle: int | None = None) -> None:
    """Sync a file, by its descriptor if it is open, or the names in a directory to disk, to survive a power loss."""
    before_change("fsync", path)
    opened = os.open(path, os.O_RDONLY) if handle is None else handle
    try:
        os.fsync(opened)
    finally:
        if handle is None:
            os.close(opened)


def rename(source: Path, target: Path) -> None:
    """Rename a file or a directory; an existing file is replaced."""
    before_change("rename", source)
    source.replace(target)


def remove(path: Path) -> None:
    """Remove a file, if it exists."""
    before_change("remove", path)
    path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove as much of a directory as possible; never fails."""
    with suppress(OSError):
        before_change("remove", path)
        shutil.rmtree(path, ignore_errors=True)


def make_directory(path: Path) -> None:
    """Create a directory and its parents, unless they exist."""
    before_change("mkdir", path)
    path.mkdir(parents=True, exist_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert an OSError to a ResourceError that reports the free space."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from None


def free(directory: Path) -> str:
    """The free space of a directory's disk, with its unit."""
    status = os.statvfs(directory)
    return size(status.f_bavail * status.f_frsize)


def cannot_write(path: Path, why: str) -> ResourceError:
    """The error for a file or directory that cannot be written."""
    if not path.parent.is_dir():
        hint = f"create the directory {path.parent}, or choose another"
    elif why == os.strerror(errno.EISDIR):
        hint = "it is a directory: choose another name"
    elif why in map(os.strerror, (errno.EACCES, errno.EPERM, errno.EROFS)):
        hint = "check the permissions, or choose another place"
    else:
        room = f"{free(path.parent)} available there"
        hint = f"{room}; free some disk space or check the permissions, then try again, or resume the run"
    return ResourceError(f"cannot write: {why}", where=str(path), hint=hint)
