"""The tracker `csv`: `curves.csv` in the run directory, for a spreadsheet or pandas."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from luthier.run_directory.run import State
from luthier.storage.append import AppendFile, whole_lines
from luthier.tracking.base import Point, TrackedRun

HEADER = [field.name for field in fields(Point)]


class CsvTracker:
    """One line a point: step, epoch, time, name, value. The recipe and the files of the run are beside it."""

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        path = run.directory / "curves.csv"
        lines, length = whole_lines(path) if path.exists() else (0, 0)
        self._file = AppendFile(path, length)  # without a line that was cut off
        if not lines:
            self._write([HEADER])
            return {}
        with path.open(encoding="utf-8", newline="") as file:
            return {row["name"]: int(row["step"]) for row in csv.DictReader(file)}

    def points(self, points: Sequence[Point]) -> None:
        self._write([astuple(point) for point in points])

    def artefacts(self, paths: Sequence[Path]) -> None:
        pass

    def end(self, state: State) -> None:
        self._file.sync()
        self._file.close()

    def _write(self, rows: Sequence[Sequence[object]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.append(text.getvalue())
        self._file.flush()
