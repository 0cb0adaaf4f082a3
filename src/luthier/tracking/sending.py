"""Send the points of a run to trackers. The queue is `curves.jsonl` itself, so nothing piles up in memory."""

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from luthier.errors import LuthierError
from luthier.run_directory.run import State
from luthier.text import shorten
from luthier.tracking.base import Point, TrackedRun, Tracker

CHUNK = 1 << 17  # bytes that are read at once: about a thousand points
SHARE = 0.01  # of the time at most goes into points while the run is trained; beginning and ending it come on top


@dataclass(frozen=True)
class Ending:
    """What follows the curves: the final metrics, the files and directories to send, and the state of the run."""

    points: Sequence[Point]
    paths: Sequence[Path]
    state: State


class Curves:
    """Reads a `curves.jsonl` that may grow, each point once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def __iter__(self) -> Iterator[list[Point]]:
        """The points that were added since the last time, some at once; an incomplete line waits for its rest."""
        while self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._position)
                lines = file.read(CHUNK).rpartition(b"\n")[0]
            if not lines:
                return
            self._position += len(lines) + 1
            yield list(_parse(lines))


def _parse(lines: bytes) -> Iterator[Point]:
    for line in lines.split(b"\n"):
        with suppress(ValueError, KeyError, TypeError):  # a damaged line
            row = json.loads(line)
            name = re.sub(r"[^\w/.: -]", "_", row["name"])  # what every service takes
            yield Point(row["step"], row["epoch"], row["time"], name, float(row["value"]))


class Sender(threading.Thread):
    """Sends a run to one tracker.

    As a thread, it sends what is new when it is told to; `send` sends everything at once. It is a daemon, so that a
    tracker that hangs does not keep the process from ending.
    """

    def __init__(self, name: str, tracker: Tracker, run: TrackedRun, curves: Path) -> None:
        super().__init__(name=name, daemon=True)
        self.done = 0  # points that were sent, or that the tracker had
        self.failure = ""
        self._tracker, self._run, self._curves = tracker, run, Curves(curves)
        self._news = threading.Event()
        self._ended = threading.Event()
        self._ending: Ending | None = None

    def tell(self) -> None:
        """Send what is new."""
        self._news.set()

    def finish(self, ending: Ending) -> None:
        """Send what is new, and the end."""
        self._ending = ending
        self._ended.set()
        self._news.set()

    def run(self) -> None:
        """The work of the thread."""
        try:
            self._send(self._as_it_comes())
        except (Exception, SystemExit) as error:  # a library can raise anything
            self.failure = why(error)

    def send(self, ending: Ending) -> None:
        """Send everything from the calling thread, and raise what the tracker raises."""
        self._ending = ending
        self._send(chain(self._curves, [ending.points]))

    def _as_it_comes(self) -> Iterator[Sequence[Point]]:
        while True:
            self._news.wait()
            self._news.clear()
            ending, began = self._ending, time.thread_time()
            yield from self._curves
            if ending is not None:
                yield ending.points
                return
            self._ended.wait((time.thread_time() - began) / SHARE)  # fast steps are sent together

    def _send(self, batches: Iterable[Sequence[Point]]) -> None:
        held = self._tracker.begin(self._run)
        if not isinstance(held, Mapping):
            raise TypeError(f"begin must return the last step of each curve, got {held!r}")
        for points in batches:
            if new := [point for point in points if point.step > held.get(point.name, -1)]:
                self._tracker.points(new)
            self.done += len(points)
        assert self._ending is not None
        self._tracker.artefacts(self._ending.paths)
        self._tracker.end(self._ending.state)


def why(error: BaseException) -> str:
    """An error of a tracker, in a line."""
    if isinstance(error, LuthierError):
        return f"{error.what} ({error.where})"
    return shorten(f"{type(error).__name__}: {error}")
