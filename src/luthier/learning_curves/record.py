"""The curves of a run: `curves.jsonl`, one line a point, appended as training goes."""

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from luthier.errors import DamagedError
from luthier.storage.files import cannot_write, sync_directory


@dataclass
class Series:
    """One curve: values against optimizer steps, in the order of the steps."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class CurveWriter:
    """Appends points to `curves.jsonl`.

    Args:
        path: The file; made where there is none.
        length: Bytes to keep of what is there: a resumed run drops the points after its checkpoint.
    Raises:
        DamagedError: The file is shorter than that: points are lost.
        ResourceError: Here and below: the disk is full or cannot be written.
    """

    def __init__(self, path: Path, length: int = 0) -> None:
        self._path = path
        if path.is_file() and path.stat().st_size < length:  # else truncating would fill it up with zeros
            raise DamagedError(
                f"curves are lost: the checkpoint knows {length} bytes of them",
                where=str(path),
                hint="put the file back; or delete it, to go on without the points so far",
            )
        fresh = not path.exists()
        with self._told():
            self._file = path.open("ab")
            if self._file.tell() > length:  # a process that only takes part writes to the null device, which is empty
                self._file.truncate(length)
            if fresh:
                sync_directory(path.parent)

    def add(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Add one point to each named curve. A value that is not finite is written as a string, never as 0."""
        now = time.time()
        for name, value in values.items():
            finite = value if math.isfinite(value) else str(value)
            point = {"step": step, "epoch": epoch, "time": now, "name": name, "value": finite}
            with self._told():
                self._file.write(json.dumps(point, allow_nan=False).encode() + b"\n")

    def sync(self) -> int:
        """Bring every point to the disk and return the file's length in bytes."""
        with self._told():
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._file.tell()

    def flush(self) -> None:
        """Hand the points to the system, so that a reader of the file sees them."""
        with self._told():
            self._file.flush()

    def close(self) -> None:
        with suppress(OSError):  # said already, where it happened
            self._file.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(self._path, error) from None


def read_curves(path: Path) -> dict[str, Series]:
    """The curves by name; empty while there is no file. A last line that is only half written is left out."""
    curves: dict[str, Series] = {}
    if not path.exists():
        return curves
    for line in path.read_bytes().split(b"\n"):
        try:
            point = json.loads(line)
        except ValueError:
            continue
        series = curves.setdefault(point["name"], Series())
        series.steps.append(point["step"])
        series.values.append(float(point["value"]))
    return curves
