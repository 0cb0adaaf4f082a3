"""The scene of the faults, made fresh for each test, with a finished run that is trained once."""

import shutil
import tempfile
from pathlib import Path

import datasets
import pytest

from tests.conftest import PLAIN, review_rows, write_csv
from tests.faults.scene import Scene


@pytest.fixture(autouse=True)
def own_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tracebacks and encoded rows that are kept go where pytest clears up."""
    place = tmp_path_factory.getbasetemp()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "datasets")


@pytest.fixture(scope="session")
def done_run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two epochs with its checkpoints, and its data beside it."""
    from luthier.api.train import train

    folder = tmp_path_factory.mktemp("done")
    data = write_csv(folder / "reviews.csv", review_rows(60))
    overrides = PLAIN | {
        "model.name": str(tiny_model),
        "training.precision": "fp32",
        "training.epochs": 2,
        "training.learning_rate": 1e-3,
        "training.keep_checkpoints": True,
    }
    return train(str(data), run_dir=folder / "run", **overrides).run.path


@pytest.fixture
def scene(tmp_path: Path, tiny_model: Path, done_run: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    folder = tmp_path / "scene"
    folder.mkdir()
    shutil.copy(done_run.parent / "reviews.csv", folder)
    monkeypatch.chdir(folder)
    return Scene(folder, tiny_model, done_run)
