"""A run that is stopped from outside: by a full disk, by another process, by signals. Nothing is lost or half done."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

import pytest

from luthier.cli import main
from luthier.engines.supervise import Supervisor
from luthier.run_directory.run import Run
from luthier.storage import disk
from tests.faults.scene import PLAIN_WORDS, Scene, finished


class FullDisk:
    """Every write or sync from the n-th on fails, or that one alone."""

    def __init__(self, n: int, *, for_ever: bool, operations: Collection[str] = ("fsync",)) -> None:
        self.n = n
        self.for_ever = for_ever
        self.operations = operations
        self.calls = 0

    def __call__(self, operation: str, path: Path) -> None:
        self.calls += operation in self.operations
        if operation in self.operations and (self.calls == self.n or (self.for_ever and self.calls > self.n)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def error_of(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert out.count("\n") == 1
    return json.loads(out)["error"]


def train_on_a_full_disk(
    full: FullDisk, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(disk, "before_change", full)
        assert main([*scene.train("--epochs", "2", *PLAIN_WORDS), "--json"]) == 4
    assert full.calls >= full.n, "the fault was met"
    error = error_of(capsys)
    assert "No space left on device" in str(error["message"])
    assert "out" in str(error["where"])
    assert "free some disk space" in str(error["hint"])
    assert not (scene.folder / "out" / "result.json").exists()
    if (scene.folder / "out" / "recipe.toml").exists():
        assert main(["resume", "out", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["steps"] == 6
        assert finished(scene.folder) >= {"out/model", "out/result.json", "out/report.html"}
    else:
        assert not (scene.folder / "out").exists()


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize("n", [1, 8, 26])
def test_a_full_disk_stops_training_and_leaves_nothing_that_looks_finished(
    n: int, for_ever: bool, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_on_a_full_disk(FullDisk(n, for_ever=for_ever), scene, monkeypatch, capsys)


@pytest.mark.parametrize("n", [1, 2, 4, 30, 50])
def test_a_disk_that_takes_no_more_bytes_stops_training_as_well(
    n: int, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_on_a_full_disk(FullDisk(n, for_ever=True, operations=("write", "fsync")), scene, monkeypatch, capsys)


def test_a_full_disk_stops_predict_and_a_rerun_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(scene.done), "--file", "reviews.csv", "--json", "--output"]
    assert main([*words, "whole.jsonl"]) == 0
    capsys.readouterr()
    for n in (3, 4, 5):  # the names of the directory, the rows, the final name
        with monkeypatch.context() as patch:
            patch.setattr(disk, "before_change", FullDisk(n, for_ever=True))
            assert main([*words, f"{n}.jsonl"]) == 4
        assert "No space left" in str(error_of(capsys)["message"])
        assert Path(f"{n}.jsonl").exists() == (n == 5)
        assert main([*words, f"{n}.jsonl"]) == 0
        capsys.readouterr()
        assert Path(f"{n}.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
        assert not list(scene.folder.glob("*.part*"))


def test_a_run_that_another_process_holds_is_refused(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    run = scene.unfinished_run()
    with Run(run).lock():
        assert main(["resume", str(run), "--json"]) == 2
        error = error_of(capsys)
    assert f"process {os.getpid()}" in str(error["message"])
    assert error["where"] == str(run)
    assert "wait" in str(error["hint"])
    assert main(["resume", str(run)]) == 0


def test_resume_of_a_done_run_changes_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    run = scene.run()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "log.txt"}
    assert main(["resume", str(run), "--json"]) == 0
    written = json.loads((run / "result.json").read_text())
    placed = {key: written[key] for key in ("run", "report", "next")}  # the run was copied: they name its place
    assert json.loads(capsys.readouterr().out) | placed == written
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "log.txt"}
    assert {path.name for path in after.keys() ^ before.keys()} <= {".lock", ".owner"}
    assert all(after[path] == content for path, content in before.items())


@pytest.mark.parametrize(
    ("signals", "code", "message"),
    [
        ([signal.SIGINT], 5, "stopped by SIGINT after step 4 of 6"),
        ([signal.SIGTERM], 5, "stopped by SIGTERM after step 4 of 6"),
        ([signal.SIGINT, signal.SIGINT], 130, "interrupted"),
        ([signal.SIGTERM, signal.SIGINT], 130, "interrupted"),
    ],
    ids=["Ctrl-C", "SIGTERM", "Ctrl-C twice", "SIGTERM, then Ctrl-C"],
)
def test_a_signal_saves_and_stops_and_a_second_one_stops_at_once(
    signals: list[signal.Signals],
    code: int,
    message: str,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    read_numbers = Supervisor._read_numbers

    def stopped_at_the_third_step(self: Supervisor, now: float) -> None:
        if self.training.state.step == 3:
            for number in signals:
                os.kill(os.getpid(), number)
        read_numbers(self, now)

    options = ("--batch-size", "16", "--set", "save_strategy=no", "--set", "eval_strategy=no")
    words = [*scene.train("--epochs", "2", *options), "--json"]
    with monkeypatch.context() as patch:
        patch.setattr(Supervisor, "_read_numbers", stopped_at_the_third_step)
        assert main(words) == code
    error = error_of(capsys)
    assert message in str(error["message"])
    assert "resume" in str(error["hint"])
    assert finished(scene.folder) == set()
    saved = [path.name for path in (scene.folder / "out" / "checkpoints").glob("step-*")]
    assert saved == (["step-000004"] if len(signals) == 1 else [])
    assert main(["resume", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 6


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_process_that_gets_the_signal_twice_is_gone_at_once_and_can_be_resumed(
    number: signal.Signals, scene: Scene
) -> None:
    words = [*scene.train("--epochs", "2000"), "--quiet"]
    curves = scene.folder / "out" / "curves.jsonl"
    process = subprocess.Popen([sys.executable, "-m", "luthier", *words], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (curves.exists() and curves.stat().st_size):
        time.sleep(0.05)
    process.send_signal(number)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (5, 130, -number), "the first one alone may have been enough"
    assert "Traceback" not in err
    assert finished(scene.folder) == set()
    assert Run.open("out").state() == "stopped"
