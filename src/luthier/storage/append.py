"""Append-only files."""

import os
from contextlib import suppress
from pathlib import Path

from luthier.storage import disk


class AppendFile:
    """Appends text to a file.

    Args:
        path: The file; created if missing.
        length: Bytes of an existing file to keep; None for all of them.
    Raises:
        ResourceError: The disk is full or the file cannot be written (also in the methods).
    """

    def __init__(self, path: Path, length: int | None = None) -> None:
        self._path = path
        fresh = not path.exists()
        with disk.writing(path):
            disk.before_change("write", path)
            self._file = path.open("ab")
            if length is not None and self._file.tell() > length:
                self._file.truncate(length)
                self._file.seek(0, os.SEEK_END)
            if fresh:
                disk.sync(path.parent)

    def append(self, text: str) -> None:
        """Add text; it may stay in memory until `flush` or `sync`."""
        with disk.writing(self._path):
            self._file.write(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Hand everything to the operating system, so that other processes see it."""
        with disk.writing(self._path):
            disk.before_change("write", self._path)
            self._file.flush()

    def sync(self) -> int:
        """Sync the file to disk, to survive a power loss, and return its length in bytes."""
        self.flush()
        with disk.writing(self._path):
            disk.sync(self._path, self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file. Never raises an error; `sync` reports failed writes."""
        with suppress(OSError):
            self._file.close()


def whole_lines(path: Path) -> tuple[int, int]:
    """Number of complete lines in a file and their length in bytes; an interrupted write may leave a partial line."""
    lines = length = 0
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                lines, length = lines + 1, length + len(line)
    return lines, length
