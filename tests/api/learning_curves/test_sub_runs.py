"""Trainings of one command in one directory: begun, resumed, kept or refused."""

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import luthier
from luthier.api.learning_curves import sub_runs
from luthier.api.one_run import go_on
from luthier.console import Console
from luthier.errors import FingerprintError, InterruptedRun, RunError
from luthier.interrupts import Interrupted
from tests.conftest import review_rows
from tests.tasks.by_hand import QUICK

ROWS = review_rows(120)
SETTINGS: dict[str, Any] = {**QUICK, "training.max_steps": 2}


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> str:
    return str(tiny_model)


@pytest.fixture(scope="module")
def done(model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sizes") / "d"
    luthier.datasize(ROWS, at=[20, 40], repeats=1, run_dir=directory, model=model, **SETTINGS)
    return directory


@pytest.fixture
def copied(done: Path, tmp_path: Path) -> Path:
    return shutil.copytree(done, tmp_path / "d")


class Said(Console):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_what_is_missing_is_trained_and_what_stopped_is_resumed(
    copied: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = luthier.datasize(ROWS, at=[20, 40], repeats=1, run_dir=copied, model=model, **SETTINGS).to_dict()
    shutil.rmtree(copied / "rows-40-1")
    (copied / "rows-20-1" / "result.json").unlink()
    resumed: list[Path] = []

    def counted(run: Path, *more: Any) -> Any:
        resumed.append(run)
        return go_on(run, *more)

    monkeypatch.setattr(sub_runs, "go_on", counted)
    said = Said()
    again = luthier.datasize(ROWS, at=[20, 40], repeats=1, run_dir=copied, model=model, console=said, **SETTINGS)
    assert again.to_dict() == before
    assert resumed == [copied / "rows-20-1"]
    assert [line.split(":")[0] for line in said.lines if ": accuracy 0." in line] == ["rows-20-1", "rows-40-1"]


@pytest.mark.parametrize("error", [InterruptedRun("stopped by SIGTERM"), Interrupted(signal.SIGTERM)])
def test_an_interrupted_training_says_how_to_go_on(
    error: BaseException, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(sub_runs, "begin", stopped)
    with pytest.raises(InterruptedRun) as caught:
        luthier.datasize(ROWS, at=[20, 40], repeats=1, run_dir=tmp_path / "d", model=model, **SETTINGS)
    again = f"luthier datasize {tmp_path}/d/datasize.toml --run-dir {tmp_path}/d --at 20,40 --repeats 1"
    assert again in caught.value.hint and caught.value.what == "stopped by SIGTERM"
    assert (tmp_path / "d" / "datasize.toml").is_file() and caught.value.exit_code == 5


def test_a_directory_of_other_settings_or_data_is_refused(done: Path, model: str) -> None:
    with pytest.raises(FingerprintError, match=r"other settings: training.max_steps: 2 -> 3") as caught:
        luthier.datasize(ROWS, at=[20, 40], run_dir=done, model=model, **SETTINGS | {"training.max_steps": 3})
    assert "goes on with the former settings" in caught.value.hint
    with pytest.raises(FingerprintError, match="other data") as caught:
        luthier.datasize(review_rows(121), at=[20, 40], run_dir=done, model=model, **SETTINGS)
    assert str(done) in caught.value.where and "--run-dir" in caught.value.hint


def test_a_directory_of_something_else_is_refused(done: Path, model: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="it is not empty"):
        luthier.datasize(ROWS, at=[20, 40], run_dir=tmp_path, model=model, **SETTINGS)
    with pytest.raises(RunError, match="already contains a run"):
        luthier.datasize(ROWS, at=[20, 40], run_dir=done / "rows-20-1", model=model, **SETTINGS)
