"""`track`: a run that was trained without trackers, or whose tracker failed, is sent afterwards."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from luthier.api.learning_curves import track as module
from luthier.api.learning_curves.track import track
from luthier.errors import ResourceError, UsageError
from luthier.learning_curves.record import CurveWriter
from luthier.pipeline.training.tracked import describe
from luthier.recipe import Recipe
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from luthier.storage.atomic import write_json, write_text
from luthier.tracking.base import Point, TrackedRun, Tracker
from luthier.tracking.csv import CsvTracker
from tests.tracking import held


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of ten steps that is complete."""
    run = Run.create(tmp_path / "k3f9")
    write_text(run.recipe_file, Recipe.build({"tracking": {"project": "mine"}}).to_toml())
    write_json(run.environment_file, {"id": "a1b2"})
    writer = CurveWriter(run.curves_file)
    for step in range(1, 11):
        writer.add(step, step / 5, {"train/loss": 1 / step})
    writer.flush()
    writer.close()
    score = {"value": 0.75, "low": None, "high": None, "n": 4, "split": "test"}
    write_json(run.result_file, {"metrics": {"f1": score}, "steps": 10, "epochs": 2.0})
    return run


def test_what_a_tracker_holds_is_sent_once(run: Run) -> None:
    assert track(run, "csv") == {"csv": 11}
    before = (run.path / "curves.csv").read_bytes()
    assert track(str(run.path), ["csv"]) == {"csv": 11}
    assert (run.path / "curves.csv").read_bytes() == before
    points = held.in_csv(run.path)
    assert len(points) == 11 and ("test/f1", 10, "0.75") in points


def test_a_run_that_is_not_complete_has_no_scores(run: Run) -> None:
    run.result_file.unlink()
    assert track(run, "csv") == {"csv": 10}


def test_the_project_and_the_name_can_be_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[TrackedRun] = []

    class Told(CsvTracker):
        def begin(self, run: TrackedRun) -> Mapping[str, int]:
            told.append(run)
            return super().begin(run)

    monkeypatch.setattr(module, "make_trackers", lambda names, where: {name: Told() for name in names})
    track(run, "csv")
    track(run, "csv", project="theirs", run_name="best")
    assert [(one.id, one.project, one.name) for one in told] == [("a1b2", "mine", "k3f9"), ("a1b2", "theirs", "best")]
    assert "mine" in run.recipe_file.read_text(), "the recipe stays"


def test_each_of_several_runs_is_sent_under_a_name_of_its_own(run: Run, tmp_path: Path) -> None:
    several = RunSet(tmp_path / "three", "seeds", {"seed-1": {"seed": 1}, "seed-2": {"seed": 2}, "seed-3": {"seed": 3}})
    with several.created():
        for name in ("seed-1", "seed-2"):
            shutil.copytree(run.path, several.path / name)
    assert track(several, "csv") == {"csv": 22}
    assert [len(held.in_csv(one.path)) for one in several.begun] == [11, 11]
    one, recipe = several.begun[1], run.recipe
    assert [describe(one, recipe).name, describe(run, recipe).name] == ["three-seed-2", "k3f9"]
    recipe.tracking.run_name = "best"
    assert [describe(one, recipe).name, describe(run, recipe).name] == ["best-seed-2", "best"]
    with pytest.raises(UsageError, match="no tracker") as caught:
        track(several)
    assert caught.value.hint == f"luthier track {several.path} --to tensorboard"


@pytest.mark.parametrize("error", [ConnectionError("the server is gone"), SystemExit(3)])
def test_of_two_the_one_that_fails_is_named_and_the_other_gets_all(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    class Fails(CsvTracker):
        def points(self, points: Sequence[Point]) -> None:
            raise error

        def begin(self, run: TrackedRun) -> Mapping[str, int]:
            return {}

    made: dict[str, Tracker] = {"bad": Fails(), "csv": CsvTracker()}
    monkeypatch.setattr(module, "make_trackers", lambda names, where: made)
    with pytest.raises(ResourceError) as caught:
        track(run, ["bad", "csv"])
    assert caught.value.what == f"bad failed after 0 points: {type(error).__name__}: {error}"
    assert caught.value.hint == f"once that is fixed, `luthier track {run.path} --to bad` sends what is missing"
    assert len(held.in_csv(run.path)) == 11


def test_wrong_input(run: Run) -> None:
    with pytest.raises(UsageError, match="no tracker is named") as error:
        track(run)
    assert "--to tensorboard" in error.value.hint
    with pytest.raises(UsageError, match="no tracker 'cvs'") as error:
        track(run, "cvs")
    assert error.value.hint == "did you mean 'csv'?" and error.value.where == "--to cvs"


def test_a_run_that_is_sending_to_it_itself_is_left_alone(run: Run) -> None:
    write_text(run.recipe_file, Recipe.build({"tracking": {"trackers": ["csv"]}}).to_toml())
    run.result_file.unlink()
    with run.lock(), pytest.raises(UsageError, match="sends its curves to csv itself"):
        track(run)
    assert track(run) == {"csv": 10}, "those of the recipe"
    assert json.loads(run.curves_file.read_text().splitlines()[0])["step"] == 1
