"""Fault 6: a run killed at any write, rename, sync or delete, or at any moment, ends as if nothing had happened."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from luthier.api.resume import resume
from luthier.engines import checkpoints
from luthier.storage import disk
from tests.conftest import review_rows, write_csv
from tests.faults.runs import ENGINES, SETTINGS, Outcome, begin, in_child

WRITES = os.O_WRONLY | os.O_RDWR
FINISHED = {"model", "metrics.json", "predictions.parquet", "result.json", "report.html"}


class KillPoints:
    """Counts what this process does to files below a directory, and kills the process at the n-th of these moments.

    Args:
        below: The directory.
        kill_at: Which moment; 0 for never.
        log: Told of each moment.
    """

    def __init__(self, below: Path, kill_at: int, log: Path) -> None:
        self.below = str(below)
        self.kill_at = kill_at
        self.count = 0
        self.log = log.open("w", buffering=1)

    def reach(self, what: str) -> None:
        self.count += 1
        self.log.write(f"{what}\n")
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


def counted(folder: Path, model: Path, engine: str, kill_at: int = 0) -> tuple[int, list[str]]:
    """Train in a process of its own that dies at a moment; its exit code and the moments that it reached."""
    log = folder / "moments.txt"

    def work() -> None:
        KillPoints(folder / "run", kill_at, log).install()
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
    if not (folder / "run" / "recipe.toml").exists():
        # Killed before the run had begun: nothing looks finished, and the same command begins it.
        left = [path.name for path in (folder / "run").glob("*")]
        assert not FINISHED & set(left), left
        assert counted(folder, model, engine)[0] == 0, moments[-1]
    else:
        assert in_child(lambda: resume(folder / "run")) == 0, moments[-1]
    Outcome.of(folder / "run").assert_same(expected)
    hidden = {path.name for path in (folder / "run").rglob(".*")}
    assert hidden <= {".lock"}, moments[-1]


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


@pytest.mark.slow
def test_killed_at_every_moment(
    reference: tuple[list[str], Outcome], engine: str, tmp_path: Path, tiny_model: Path
) -> None:
    moments, expected = reference
    for moment in range(1, len(moments) + 1):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        kill_and_resume(tmp_path, tiny_model, engine, moment, expected)


def real_run(folder: Path, model: Path, engine: str) -> list[str]:
    """The command line of a run that is long enough to be hit in the middle."""
    data = folder / "data.csv"
    if not data.exists():
        write_csv(data, review_rows(40))
    words = [sys.executable, "-m", "luthier", "train", str(data), "--run-dir", str(folder / "run")]
    settings = SETTINGS | {"model.name": str(model), "training.engine": engine, "training.epochs": 12}
    for key, value in settings.items():
        words += ["--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
    return words


def command(words: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, env=environment)


def kill_at_random(folder: Path, model: Path, engine: str, moments: int) -> None:
    """Kill the command as soon as it has come to a random step, resume it, and compare with one that ran through."""
    through = folder / "through"
    through.mkdir()
    done = command(real_run(through, model, engine))
    assert done.returncode == 0, done.stderr
    expected = Outcome.of(through / "run")
    draw = random.Random(engine)
    for _ in range(moments):
        shutil.rmtree(folder / "run", ignore_errors=True)
        lines = draw.randint(1, len(expected.curves) - 20)
        killed = subprocess.Popen(
            real_run(folder, model, engine),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        curves = folder / "run" / "curves.jsonl"
        while killed.poll() is None and (not curves.exists() or curves.read_bytes().count(b"\n") < lines):
            time.sleep(0.001)
        killed.kill()
        assert killed.wait() == -signal.SIGKILL, "it was faster than the killer"
        resumed = command([sys.executable, "-m", "luthier", "resume", str(folder / "run")])
        assert resumed.returncode == 0, resumed.stderr
        Outcome.of(folder / "run").assert_same(expected)


def test_the_command_killed_at_a_random_moment(tmp_path: Path, tiny_model: Path) -> None:
    kill_at_random(tmp_path, tiny_model, "loop", 2)


@pytest.mark.slow
def test_the_command_with_the_trainer_killed_at_a_random_moment(tmp_path: Path, tiny_model: Path) -> None:
    kill_at_random(tmp_path, tiny_model, "trainer", 1)


@pytest.mark.slow
@pytest.mark.parametrize("one", ENGINES)
def test_the_command_killed_at_many_random_moments(tmp_path: Path, tiny_model: Path, one: str) -> None:
    kill_at_random(tmp_path, tiny_model, one, 20)
