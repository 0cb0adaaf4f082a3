"""The thread that sends: each point once, in order, whatever the tracker does."""

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from luthier.errors import ResourceError
from luthier.learning_curves.record import CurveWriter
from luthier.run_directory.run import State
from luthier.tracking import sending
from luthier.tracking.base import Point, TrackedRun
from luthier.tracking.sending import CHUNK, Curves, Ending, Sender, why
from tests.tracking.held import POINTS, as_text, of, run


class Shelf:
    """Keeps what it gets."""

    def __init__(self, held: Mapping[str, int] | None = None, fails_at: int = 10**9) -> None:
        self.held = dict(held or {})
        self.fails_at = fails_at
        self.kept: list[Point] = []
        self.paths: list[Path] = []
        self.states: list[State] = []

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        return self.held

    def points(self, points: Sequence[Point]) -> None:
        if len(self.kept) + len(points) > self.fails_at:
            raise ConnectionError("the server\nis gone")
        self.kept += points

    def artefacts(self, paths: Sequence[Path]) -> None:
        self.paths += paths

    def end(self, state: State) -> None:
        self.states.append(state)


@pytest.fixture
def curves(tmp_path: Path) -> Path:
    path = tmp_path / "curves.jsonl"
    write(path, POINTS)
    return path


def write(path: Path, points: Sequence[Point]) -> None:
    """As a training does."""
    writer = CurveWriter(path, path.stat().st_size if path.exists() else 0)
    for point in points:
        writer.add(point.step, point.epoch, {point.name: point.value})
    writer.flush()
    writer.close()


def names(points: Sequence[Point]) -> list[tuple[str, int]]:
    return [(point.name, point.step) for point in points]


def test_a_file_that_grows_is_read_once(curves: Path) -> None:
    reader = Curves(curves)
    assert as_text((p.name, p.step, p.value) for some in reader for p in some) == of(POINTS)
    assert list(reader) == []
    line = json.dumps({"step": 9, "epoch": 1, "time": 2.0, "name": "train/a@b (c)", "value": "nan"})
    with curves.open("a") as file:
        file.write(line[:20])
    assert list(reader) == []
    with curves.open("a") as file:
        file.write(f"{line[20:]}\nnot json\n[1, 2]\n5\n{line}\n")
    (found,) = list(reader)
    assert [(p.step, p.name) for p in found] == [(9, "train/a_b _c_")] * 2
    assert list(Curves(curves.with_name("none"))) == []


def test_a_long_file_comes_in_parts(tmp_path: Path) -> None:
    many = [Point(step, 0.0, 0.0, "train/loss", 1.0) for step in range(3 * CHUNK // 70)]
    write(tmp_path / "curves.jsonl", many)
    parts = list(Curves(tmp_path / "curves.jsonl"))
    assert len(parts) > 2 and names([point for part in parts for point in part]) == names(many)


def test_what_the_tracker_holds_is_not_sent_again(curves: Path, tmp_path: Path) -> None:
    shelf = Shelf({"train/loss": 3})
    final = Point(5, 1.0, 0.0, "test/accuracy", 0.9)
    sender = Sender("shelf", shelf, run(tmp_path), curves)
    sender.send(Ending([final], [tmp_path], "done"))
    assert names(shelf.kept) == [
        *(("eval/accuracy", 1), ("eval/accuracy", 3)),
        *(("train/loss", 4), ("train/loss", 5), ("eval/accuracy", 5), ("test/accuracy", 5)),
    ]
    assert sender.done == len(POINTS) + 1
    assert shelf.paths == [tmp_path] and shelf.states == ["done"]


def test_the_thread_sends_what_is_new_and_then_the_end(tmp_path: Path) -> None:
    curves, shelf = tmp_path / "curves.jsonl", Shelf()
    sender = Sender("shelf", shelf, run(tmp_path), curves)
    assert sender.daemon
    sender.start()
    sender.tell()  # there is nothing yet
    for point in POINTS:
        write(curves, [point])
        sender.tell()
    sender.finish(Ending([], [], "stopped"))
    sender.join(30)
    assert not sender.is_alive() and sender.failure == ""
    assert names(shelf.kept) == names(POINTS) and shelf.states == ["stopped"]


def test_points_that_cost_much_wait_for_each_other_but_not_for_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch takes a second of CPU time by a clock of the test, so that the next one is 100 seconds later."""
    spent, waits = [0.0], threading.Event()

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.set()
            return super().wait(timeout)

    class Slow(Shelf):
        def points(self, points: Sequence[Point]) -> None:
            spent[0] += 1.0
            super().points(points)
            batches.append(len(points))

    batches: list[int] = []
    monkeypatch.setattr(sending.time, "thread_time", lambda: spent[0])
    curves, shelf = tmp_path / "curves.jsonl", Slow()
    sender = Sender("shelf", shelf, run(tmp_path), curves)
    sender._ended = Ended()
    write(curves, POINTS[:1])
    sender.start()
    sender.tell()
    assert waits.wait(30)
    for point in POINTS[1:]:
        write(curves, [point])
        sender.tell()
    sender.finish(Ending([], [], "done"))
    sender.join(30)
    assert not sender.is_alive() and batches == [1, len(POINTS) - 1] and names(shelf.kept) == names(POINTS)


@pytest.mark.parametrize("fails_at", [0, 5])
def test_a_tracker_that_fails_ends_its_thread_alone(curves: Path, tmp_path: Path, fails_at: int) -> None:
    shelf = Shelf(fails_at=fails_at)
    sender = Sender("shelf", shelf, run(tmp_path), curves)
    sender.start()
    sender.finish(Ending([], [], "done"))
    sender.join(30)
    assert not sender.is_alive() and sender.done == 0
    assert sender.failure == "ConnectionError: the server is gone"
    with pytest.raises(ConnectionError):
        Sender("shelf", shelf, run(tmp_path), curves).send(Ending([], [], "done"))


def test_an_error_of_ours_is_said_in_a_line() -> None:
    assert why(ResourceError("cannot write", where="curves.csv", hint="free some space")) == "cannot write (curves.csv)"


def test_a_tracker_that_would_end_the_process_does_not(curves: Path, tmp_path: Path) -> None:
    class Exits(Shelf):
        def begin(self, run: TrackedRun) -> Mapping[str, int]:
            raise SystemExit(1)

    sender = Sender("exits", Exits(), run(tmp_path), curves)
    sender.start()
    sender.join(30)
    assert sender.failure == "SystemExit: 1"
