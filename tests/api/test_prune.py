"""`prune`: finished runs lose their checkpoints and nothing else; before that, unfinished ones are refused."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from luthier.api.prune import prune
from luthier.api.resume import resume
from luthier.api.runs import runs
from luthier.api.train import train
from luthier.engines import checkpoints
from luthier.errors import RunError
from luthier.run_directory.run import Run
from luthier.storage import disk
from tests.conftest import PLAIN_BY_NAME, review_rows
from tests.listener import Listener

QUICK: dict[str, Any] = PLAIN_BY_NAME | {
    "max_steps": 4,
    "resamples": 100,
    "precision": "fp32",
    "save_strategy": "steps",
    "save_steps": 2,
}


def files(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def without_checkpoints(run: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(run).items() if not name.startswith("checkpoints")}


@pytest.fixture(scope="module")
def kept(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that was asked to keep its checkpoints."""
    path = tmp_path_factory.mktemp("kept") / "run"
    return train(review_rows(40), run_dir=path, model=str(tiny_model), keep_checkpoints=True, **QUICK).run.path


def test_a_finished_run_keeps_its_checkpoints_where_it_is_asked_to(kept: Path) -> None:
    saved = checkpoints.list_checkpoints(kept / "checkpoints")
    assert [checkpoint.step for checkpoint in saved] == [2, 4]
    resume(kept)
    assert checkpoints.list_checkpoints(kept / "checkpoints") == saved


def test_otherwise_it_keeps_its_model_and_says_so(kept: Path, tiny_model: Path, tmp_path: Path) -> None:
    console = Listener()
    run = train(review_rows(40), run_dir=tmp_path / "run", model=str(tiny_model), console=console, **QUICK).run
    assert not run.checkpoints.exists()
    assert console.said[-1].startswith("checkpoints removed: ") and "--keep-checkpoints" in console.said[-1]
    whole = without_checkpoints(kept)
    assert files(run.path).keys() == whole.keys()
    assert files(run.path)["model/model.safetensors"] == whole["model/model.safetensors"]
    assert run.state() == "done" and resume(run.path).to_dict() == run.read_json(run.result_file)


def test_checkpoints_that_cannot_be_removed_are_left_with_a_warning(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(operation: str, path: Path) -> None:
        if operation == "rename" and path.name == "checkpoints":
            raise PermissionError(errno.EACCES, "Permission denied")

    console = Listener()
    monkeypatch.setattr(disk, "before_change", read_only)
    run = train(review_rows(40), run_dir=tmp_path / "run", model=str(tiny_model), console=console, **QUICK).run
    assert [warning for warning in console.warned if "checkpoints" in warning] == [
        f"the checkpoints of the finished run could not be removed: cannot write: Permission denied ({run.checkpoints})"
    ]
    assert run.state() == "done" and run.report_file.exists()
    monkeypatch.undo()
    resume(run.path)
    assert not run.checkpoints.exists()


def test_pruning_frees_what_it_says(kept: Path, tmp_path: Path) -> None:
    first, second = (Path(shutil.copytree(kept, tmp_path / name)) for name in ("first", "second"))
    expected = without_checkpoints(first)
    [one, other] = prune([first, str(second), first])
    assert one["run"] == str(first) and other == one | {"run": str(second)}
    assert one["freed_bytes"] == sum(len(content) for content in files(kept / "checkpoints").values()) > 100_000
    assert one["size_bytes"] == Run(first).size()
    assert {name: content for name, content in files(first).items() if name != ".lock"} == {
        name: content for name, content in expected.items() if name != ".lock"
    }
    written = Run(first).read_json(first / "result.json")
    assert resume(first).to_dict() | {key: written[key] for key in ("run", "report", "next")} == written
    assert [run["state"] for run in runs(tmp_path)] == ["done", "done"]


def test_a_run_that_is_not_complete_is_refused_and_nothing_is_removed(kept: Path, tmp_path: Path) -> None:
    done, stopped = (Path(shutil.copytree(kept, tmp_path / name)) for name in ("done", "stopped"))
    (stopped / "result.json").unlink()
    with pytest.raises(RunError, match="not complete") as caught:
        prune([done, stopped])
    assert caught.value.where == str(stopped) and f"luthier resume {stopped}" in caught.value.hint
    assert files(done / "checkpoints") == files(stopped / "checkpoints") == files(kept / "checkpoints")
    with Run(done).lock(), pytest.raises(RunError, match="another process"):
        prune([done])
    with pytest.raises(RunError, match="not a run directory"):
        prune([done, tmp_path / "nowhere"])
    assert files(done / "checkpoints") == files(kept / "checkpoints")
