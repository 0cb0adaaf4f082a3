"""`watch`: runs are followed until they end, with a clock that the tests turn."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from luthier.api.learning_curves.watch import is_run, watch
from luthier.errors import DamagedError, RunError
from luthier.learning_curves.record import CurveWriter
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.storage.atomic import write_json, write_text
from tests.api.written import begun, finished, wrong_on


def pauses(*happens: Callable[[], object]) -> Callable[[float], None]:
    """A pause in which something happens, each time the next; more pauses are too many."""
    left = iter(happens)

    def pause(seconds: float) -> None:
        assert seconds == 1.0
        next(left)()

    return pause


def test_a_run_is_shown_until_it_is_done(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    states = []
    with ExitStack() as held:
        held.enter_context(run.lock())
        writer = CurveWriter(run.curves_file)

        def train() -> None:
            writer.add(1, 0.5, {"train/loss": 0.5})
            writer.flush()

        last = watch(
            run,
            lambda shots: states.append((shots[0].life.state, shots[0].step)),
            pause=pauses(train, lambda: write_json(run.result_file, {})),
        )
    assert states == [("running", 0), ("running", 1), ("done", 1)]
    assert [shot.life.state for shot in last] == ["done"]


def test_a_finished_run_is_shown_once(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", wrong_on(3))
    (shot,) = watch(str(run.path), pause=pauses())
    assert (shot.life.state, shot.step) == ("done", 3)


def test_a_run_that_dies_meanwhile_ends_the_watching(tmp_path: Path) -> None:
    """The process that holds the lock is killed; nothing but its directory is asked."""
    run = begun(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path; from luthier.run_directory.run import Run\n"
        "with Run(Path(sys.argv[1])).lock(): print(1, flush=True); input()"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert owner.stdout is not None and owner.stdout.readline() == b"1\n"

    def kill() -> None:
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()

    (shot,) = watch(run, pause=pauses(lambda: None, kill))
    assert (shot.life.state, shot.life.why) == ("died", f"process {owner.pid} is gone")


def test_all_runs_of_a_directory_are_shown_also_new_ones(tmp_path: Path) -> None:
    first = finished(tmp_path / "first", wrong_on(3))
    second = begun(tmp_path / "second")
    names = []
    with second.lock():
        watch(
            tmp_path,
            lambda shots: names.append({shot.name: shot.life.state for shot in shots}),
            pause=pauses(lambda: begun(tmp_path / "third"), lambda: write_json(second.result_file, {})),
        )
    assert names == [
        {"first": "done", "second": "running"},
        {"first": "done", "second": "running", "third": "stopped"},
        {"first": "done", "second": "done", "third": "stopped"},
    ]
    assert not is_run(tmp_path) and is_run(first.path)


def test_a_run_whose_data_is_still_read_can_be_watched(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    with run.lock():
        (shot,) = watch(run, pause=pauses(lambda: write_json(run.result_file, {})))
    assert shot.life.state == "done"


def test_where_there_is_no_run_it_is_said(tmp_path: Path) -> None:
    begun(tmp_path / "runs" / "reviews")
    with pytest.raises(RunError) as caught:
        watch(tmp_path / "runs" / "reveiws")
    assert caught.value.hint == "did you mean 'reviews'?"
    with pytest.raises(RunError, match="there is no run to watch"):
        watch(tmp_path)


def test_a_damaged_run_among_others_has_failed(tmp_path: Path) -> None:
    finished(tmp_path / "first", wrong_on(3))
    damaged = finished(tmp_path / "second", wrong_on(3))
    write_text(damaged.data_file, "{")
    first, second = watch(tmp_path, pause=pauses())
    assert (first.life.state, second.life.state) == ("done", "failed")
    assert second.life.why.startswith("the file is damaged")
    with pytest.raises(DamagedError, match="the file is damaged"):
        watch(damaged)


def test_several_runs_of_one_command_are_watched_until_the_last_one_ends(tmp_path: Path) -> None:
    runs, counted = RunSet(tmp_path / "two", "seeds", {"seed-1": {"seed": 1}, "seed-2": {"seed": 2}}), list[int]()
    with ExitStack() as held:
        held.enter_context(runs.created())

        def last() -> None:
            finished(runs.path / "seed-2", wrong_on(1))
            held.close()

        happens = pauses(lambda: finished(runs.path / "seed-1", wrong_on(1)), last)
        shots = watch(runs, lambda shots: counted.append(len(shots)), pause=happens)
    assert counted == [0, 1, 2], "nothing has begun yet, and then one is done and the next has not begun"
    assert [shot.name for shot in shots] == ["two-seed-1", "two-seed-2"]
    assert [shot.name for shot in watch(tmp_path, pause=pauses())] == ["two-seed-1", "two-seed-2"]
