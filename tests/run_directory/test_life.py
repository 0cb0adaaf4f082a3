"""Whether a run is still being trained, from the files of its directory alone."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from luthier.errors import InterruptedRun, LuthierError, NonFiniteError
from luthier.pipeline.journal import blamed_on
from luthier.run_directory.life import Life, life_of
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text
from luthier.storage.lock import LOCK, OWNER

HERE = socket.gethostname()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run.create(tmp_path / "run")
    write_text(made.recipe_file, "")
    return made


def owned(run: Run, process: int, host: str = HERE) -> Run:
    write_text(run.path / OWNER, f"process {process} on {host}")
    return run


def test_a_run_lives_while_its_process_does(run: Run) -> None:
    with run.lock():
        assert life_of(run) == Life("running")
        run.recipe_file.unlink()
        assert life_of(run) == Life("preparing")
    assert life_of(run) == Life("stopped")
    write_json(run.result_file, {})
    assert life_of(run) == Life("done") and Life("done").ended


def test_a_process_that_is_gone_has_died(run: Run) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    process = int(gone.stdout)
    assert life_of(owned(run, process)) == Life("died", f"process {process} is gone")


def test_a_younger_process_of_the_same_number_is_another_one(run: Run) -> None:
    owned(run, os.getpid())
    assert life_of(run) == Life("running")
    os.utime(run.path / OWNER, (1, 1))
    assert life_of(run).state == "died"


def test_a_process_on_another_host_cannot_be_checked(run: Run) -> None:
    assert life_of(owned(run, 1, "elsewhere")) == Life("running", host="elsewhere")
    write_text(run.path / OWNER, "")
    assert life_of(run) == Life("running"), "the file is just being written"


@pytest.mark.parametrize(
    ("error", "life"),
    [
        (InterruptedRun("stopped by SIGTERM after step 3"), Life("stopped", "stopped by SIGTERM after step 3")),
        (NonFiniteError("step 3: the loss is nan"), Life("failed", "step 3: the loss is nan")),
        (ValueError("a bug\nof ours"), Life("failed", "ValueError: a bug of ours")),
    ],
)
def test_the_log_says_how_a_run_ended(run: Run, error: Exception, life: Life) -> None:
    with pytest.raises((LuthierError, ValueError)), run.lock(), blamed_on(run):
        raise error
    assert life_of(run) == life


def test_a_look_takes_no_lock(run: Run) -> None:
    owned(run, os.getpid())
    life_of(run)
    assert not (run.path / LOCK).exists()
