"""Fault 6: a run killed at any write, rename, sync or delete, or at any moment, ends as if nothing had happened."""

import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from luthier.api.resume import resume
from luthier.engines import checkpoints
from luthier.storage import disk
from tests.conftest import review_rows, write_csv
from tests.faults.runs import ENGINES, SETTINGS, Outcome, begin, in_child, started

WRITES = os.O_WRONLY | os.O_RDWR
FINISHED = {"model", "metrics.json", "predictions.parquet", "result.json", "report.html"}


class KillPoints:
    """Counts what this process does to files below a directory, and kills the process at the n-th of these moments.

    Args:
        below: The directory.
        kill_at: Which moment; 0 for never.
        log: Told of each moment.
        kept: Gets a copy of the directory as it is at each moment, by its number: what a kill would leave.
    """

    def __init__(self, below: Path, kill_at: int, log: Path, kept: Path | None = None) -> None:
        self.below = str(below)
        self.kill_at = kill_at
        self.count = 0
        self.log = log.open("w", buffering=1)
        self.kept = kept

    def reach(self, what: str) -> None:
        self.count += 1
        self.log.write(f"{what}\n")
        if self.kept is not None and Path(self.below).exists():
            shutil.copytree(self.below, self.kept / str(self.count))
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """For the rest of the life of this process."""
        sys.addaudithook(self._audit)
        disk.before_change = self._change
        torch.save = self._halved(torch.save, lambda args: args[1])
        checkpoints.save_file = self._halved(checkpoints.save_file, lambda args: Path(args[1]))

    def _change(self, operation: str, path: Path) -> None:
        if operation == "fsync" and str(path).startswith(self.below):  # the audit knows the others
            self.reach(f"fsync {path}")

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and not (isinstance(args[2], int) and args[2] & WRITES):
            return
        if event in ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree"):
            if str(args[0]).startswith(self.below):
                self.reach(f"{event} {args[0]}")
            elif event in ("os.remove", "os.rmdir") and isinstance(args[0], str) and "/" not in args[0]:
                self.reach(f"{event} {args[0]}")  # rmtree deletes by names relative to an open directory

    def _halved(self, write: Callable[..., Any], target: Callable[[tuple[Any, ...]], Path]) -> Callable[..., Any]:
        """A writer in native code, which tells of nothing: killed when half is written, and when all is."""

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            answer = write(*args, **kwargs)
            content = target(args).read_bytes()
            target(args).write_bytes(content[: len(content) // 2])
            self.reach(f"half {target(args)}")
            target(args).write_bytes(content)
            self.reach(f"whole {target(args)}")
            return answer

        return wrapped


def counted(
    folder: Path, model: Path, engine: str, kill_at: int = 0, kept: Path | None = None
) -> tuple[int, list[str]]:
    """Train in a process of its own that dies at a moment; its exit code and the moments that it reached."""
    log = folder / "moments.txt"

    def work() -> None:
        KillPoints(folder / "run", kill_at, log, kept).install()
        begin(folder, model, training__engine=engine, training__epochs=1)

    code = in_child(work)
    return code, log.read_text().splitlines()


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def reference(engine: str, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[list[str], Outcome]:
    """An uninterrupted run of one epoch with a save in the middle and one at the end, and its moments."""
    folder = tmp_path_factory.mktemp("reference")
    code, moments = counted(folder, tiny_model, engine)
    assert code == 0
    return moments, Outcome.of(folder / "run")


def kill_and_resume(folder: Path, model: Path, engine: str, moment: int, expected: Outcome) -> None:
    code, moments = counted(folder, model, engine, moment)
    assert code == -signal.SIGKILL, moments[-1]
    resume_to_the_same_end(folder, model, engine, moments[-1], expected)


def resume_to_the_same_end(folder: Path, model: Path, engine: str, moment: str, expected: Outcome) -> None:
    """Continue what a kill at a moment has left in a folder."""
    if not (folder / "run" / "recipe.toml").exists():
        # Killed before the run had begun: nothing looks finished, and the same command begins it.
        left = [path.name for path in (folder / "run").glob("*")]
        assert not FINISHED & set(left), left
        assert counted(folder, model, engine)[0] == 0, moment
    else:
        assert in_child(lambda: resume(folder / "run")) == 0, moment
    Outcome.of(folder / "run").assert_same(expected)
    hidden = {path.name for path in (folder / "run").rglob(".*")}
    assert hidden <= {".lock"}, moment


def test_the_moments_of_a_run_are_all_noticed(reference: tuple[list[str], Outcome]) -> None:
    moments, _ = reference
    kinds = {moment.partition(" ")[0] for moment in moments}
    assert kinds >= {"open", "fsync", "os.rename", "os.mkdir", "half", "whole", "os.remove"}
    assert sum("step-000003" in moment for moment in moments) > 15
    assert sum("step-000004" in moment for moment in moments) > 15
    assert sum("/.model." in moment for moment in moments) > 15
    assert len(moments) > 80


def test_the_checkpoints_are_removed_once_the_report_is_on_disk(reference: tuple[list[str], Outcome]) -> None:
    moments, _ = reference
    report = next(i for i, moment in enumerate(moments) if re.match("os.rename .*/[.]report.html", moment))
    assert re.match("fsync .*/run$", moments[report + 1])
    removed = next(i for i, moment in enumerate(moments) if re.match("os.rename .*/run/checkpoints$", moment))
    assert removed > report + 1
    assert [moment for moment in moments[removed:] if moment.startswith("os.remove")][:2] == [
        "os.remove fingerprint.json",
        "os.remove state.json",
    ]


@pytest.mark.slow
def test_killed_at_chosen_moments_of_a_save_and_of_the_end(
    reference: tuple[list[str], Outcome], engine: str, tmp_path: Path, tiny_model: Path
) -> None:
    moments, expected = reference
    wanted = [
        "half .*step-000004.*model.safetensors",
        "half .*step-000004.*tensors.pt",
        "fsync .*step-000004.*manifest.json",
        "os.rename .*[.]step-000004.*tmp",
        "os.rename .*/[.]model.*tmp",
        "os.rename .*/[.]result.json",
        "open .*report.html",
        "os.rename .*/run/checkpoints$",
        "os.rmdir step-",
        "open .*/[.]data.json",
    ]
    chosen = [next(i for i, moment in enumerate(moments, 1) if re.match(pattern, moment)) for pattern in wanted]
    assert len(set(chosen)) == len(wanted)
    # Each engine gets every other one, so that the quick tests stay quick; all moments are for the slow one.
    for moment in chosen[ENGINES.index(engine) :: 2]:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        kill_and_resume(tmp_path, tiny_model, engine, moment, expected)


def content(directory: Path) -> dict[str, bytes | None]:
    """All that lies in a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None for path in directory.rglob("*")
    }


@pytest.mark.slow
def test_killed_at_every_moment(
    reference: tuple[list[str], Outcome], engine: str, tmp_path: Path, tiny_model: Path
) -> None:
    """As a kill leaves the files as they are, one run that keeps them at each moment stands for a kill at each.

    That a run that is really killed ends in the same way is shown at the chosen moments.
    """
    moments, expected = reference
    kept, run = tmp_path / "kept", tmp_path / "run"
    code, reached = counted(tmp_path, tiny_model, engine, kept=kept)
    assert code == 0 and len(reached) == len(moments)
    before: object = ()
    for number, moment in enumerate(reached, 1):
        state = kept / str(number)
        left = content(state) if state.exists() else None
        if left == before:
            continue  # nothing was written since the last moment, such as in a sync
        before = left
        shutil.rmtree(run, ignore_errors=True)
        if state.exists():
            state.rename(run)
        resume_to_the_same_end(tmp_path, tiny_model, engine, moment, expected)


def command(*words: object) -> NoReturn:
    """Be the command from here on: a process of its own, with all that it imports and reads from its words."""
    line = [sys.executable, "-m", "luthier", *map(str, words)]
    os.execve(line[0], line, os.environ | {"OMP_NUM_THREADS": "1"})


def train_by_command(folder: Path, model: Path, **settings: Any) -> NoReturn:
    """What `begin` does, as a user does it."""
    overrides = SETTINGS | {"model.name": str(model)} | {key.replace("__", "."): v for key, v in settings.items()}
    pairs = (f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in overrides.items())
    sets = [word for pair in pairs for word in ("--set", pair)]
    command("train", write_csv(folder / "data.csv", review_rows(40)), "--run-dir", folder / "run", *sets)


def kill_at_random(folder: Path, model: Path, engine: str, moments: int, *, by_command: bool = False) -> None:
    """Kill a run as soon as it has come to a random step, resume it, and compare with one that ran through."""
    settings = {"training__engine": engine, "training__epochs": 6}  # long enough to be hit in the middle
    assert in_child(lambda: begin(folder, model, run="through", **settings)) == 0
    expected = Outcome.of(folder / "through")
    draw, run = random.Random(engine), folder / "run"
    for _ in range(moments):
        shutil.rmtree(run, ignore_errors=True)
        lines = draw.randint(1, len(expected.curves) - 20)
        killed = started(lambda: (train_by_command if by_command else begin)(folder, model, **settings))
        curves = run / "curves.jsonl"
        while killed.is_alive() and (not curves.exists() or curves.read_bytes().count(b"\n") < lines):
            time.sleep(0.001)
        killed.kill()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL, "it was faster than the killer"
        assert in_child(lambda: command("resume", run) if by_command else resume(run)) == 0
        Outcome.of(run).assert_same(expected)


@pytest.mark.slow
@pytest.mark.parametrize("one", ENGINES)
def test_the_command_killed_at_a_random_moment(tmp_path: Path, tiny_model: Path, one: str) -> None:
    kill_at_random(tmp_path, tiny_model, one, 1, by_command=True)


@pytest.mark.slow
@pytest.mark.parametrize("one", ENGINES)
def test_a_run_killed_at_many_random_moments(tmp_path: Path, tiny_model: Path, one: str) -> None:
    kill_at_random(tmp_path, tiny_model, one, 20)
