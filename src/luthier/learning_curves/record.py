"""The curves of a run: `curves.jsonl`, one line per point, appended during training."""

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luthier.errors import DamagedError
from luthier.storage.append import AppendFile


@dataclass
class Series:
    """One curve: values against optimizer steps, in the order of the steps, with the epoch and the time of each."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list, compare=False, repr=False)

    def finite(self) -> "Series":
        """The same without values that are not finite."""
        kept = [i for i, value in enumerate(self.values) if math.isfinite(value)]
        epochs = [self.epochs[i] for i in kept] if self.epochs else []
        return Series([self.steps[i] for i in kept], [self.values[i] for i in kept], epochs)


class CurveWriter(AppendFile):
    """Appends points to `curves.jsonl`.

    Args:
        path: The file; created if missing.
        length: Bytes of an existing file to keep: a resumed run drops the points after its checkpoint.
    Raises:
        DamagedError: The file is shorter than `length`: points are lost.
        ResourceError: Here and in the methods: the disk is full or the file cannot be written.
    """

    def __init__(self, path: Path, length: int = 0) -> None:
        if path.is_file() and path.stat().st_size < length:
            raise DamagedError(
                f"points are missing: the file is shorter than the {length} bytes that the checkpoint recorded",
                where=str(path),
                hint="restore the file, or delete it to continue without the earlier points",
            )
        super().__init__(path, length)

    def add(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Add one point to each named curve. A value that is not finite is written as a string, never as 0."""
        now = time.time()
        for name, value in values.items():
            finite = value if math.isfinite(value) else str(value)
            point = {"step": step, "epoch": epoch, "time": now, "name": name, "value": finite}
            self.append(json.dumps(point, allow_nan=False) + "\n")


def read_curves(path: Path) -> dict[str, Series]:
    """Read the curves by name; empty if there is no file. A last line that is incomplete is left out.

    Raises:
        DamagedError: Another line cannot be read.
    """
    follower = CurveFollower(path)
    follower.update()
    return follower.curves


def mean_curves(several: Sequence[Mapping[str, Series]]) -> dict[str, Series]:
    """The mean of the curves of several runs, at the steps that all of them have."""
    if len(several) == 1:
        return dict(several[0])
    found: dict[str, Series] = {}
    for name in [name for name in several[0] if all(name in curves for curves in several)]:
        values = [dict(zip(curves[name].steps, curves[name].values, strict=True)) for curves in several]
        for step, epoch in zip(several[0][name].steps, several[0][name].epochs, strict=True):
            if all(step in one for one in values):
                mean = sum(one[step] for one in values) / len(values)
                _add(found, {"name": name, "step": step, "value": mean, "epoch": epoch, "time": 0.0})
    return found


class CurveFollower:
    """Reads the points of a `curves.jsonl` as another process appends them; each byte is read once.

    Args:
        path: The file, which need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._lines = path, 0, 0
        self.curves: dict[str, Series] = {}

    def update(self) -> bool:
        """Read what was appended since the last call; returns whether `curves` changed.

        A resumed run drops the points after its checkpoint: a shorter file is read again from its beginning.

        Raises:
            DamagedError: A line cannot be read.
        """
        if not self._path.exists():
            return False
        with self._path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._read:
                self._read, self._lines, self.curves = 0, 0, {}
            file.seek(self._read)
            # The last line may still be incomplete.
            lines, _, rest = file.read().rpartition(b"\n")
            self._read = file.tell() - len(rest)
        for line in lines.split(b"\n") if lines else ():
            self._lines += 1
            if (point := _point(line)) is None:
                hint = "restore the file from a backup, or remove the line to continue without this point"
                raise DamagedError("a point cannot be read", where=f"{self._path}, line {self._lines}", hint=hint)
            _add(self.curves, point)
        return bool(lines)


def _add(curves: dict[str, Series], point: Mapping[str, Any]) -> None:
    series = curves.setdefault(point["name"], Series())
    series.steps.append(point["step"])
    series.values.append(point["value"])
    series.epochs.append(point["epoch"])
    series.times.append(point["time"])


def first_and_last_time(path: Path) -> tuple[float, float]:
    """When the first and the last point were added, in seconds since the epoch of Unix; 0 if there is none.

    Lines that cannot be read are left out: a resume asks before it drops the points after its checkpoint.
    """
    points = map(_point, path.read_bytes().split(b"\n") if path.exists() else ())
    times = [point["time"] for point in points if point is not None]
    return min(times, default=0.0), max(times, default=0.0)


def _point(line: bytes) -> dict[str, Any] | None:
    """The point of a line; None if the line is damaged."""
    try:
        point = json.loads(line)
        numbers = {key: float(point[key]) for key in ("epoch", "time", "value")}
        return {"step": int(point["step"]), "name": str(point["name"]), **numbers}
    except (KeyError, OverflowError, TypeError, ValueError):
        return None
