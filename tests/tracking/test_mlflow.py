"""The tracker `mlflow`, read by MLflow's client from a store of files."""

from pathlib import Path

import pytest

from luthier.tracking.mlflow import MlflowTracker
from tests.tracking.held import POINTS, in_mlflow, of, run

mlflow = pytest.importorskip("mlflow")


def found(experiment: str = "luthier") -> list[mlflow.entities.Run]:
    client = mlflow.MlflowClient()
    return list(client.search_runs([client.get_experiment_by_name(experiment).experiment_id]))


def test_takes_every_point_and_says_what_it_holds(tmp_path: Path) -> None:
    tracker = MlflowTracker()
    assert tracker.begin(run(tmp_path)) == {}
    tracker.points(POINTS[:5])
    again = MlflowTracker()
    assert again.begin(run(tmp_path)) == {"train/loss": 3, "eval/accuracy": 1}
    assert found()[0].info.status == "RUNNING"
    again.points(POINTS[5:])
    again.end("done")
    assert in_mlflow() == of(POINTS)
    (one,) = found()
    assert (one.info.run_name, one.info.status) == ("first", "FINISHED")
    assert one.data.params == {
        "seed": "7",
        "model.name": "minilm",
        "model.adapter": "None",
        "environment.python": "3.11",
        "environment.versions.torch": "2",
    }
    assert one.data.tags["luthier.run"] == "a1b2c3" and "reviews" in one.data.tags


def test_more_than_a_server_takes_at_once(tmp_path: Path) -> None:
    many = {str(i): i for i in range(120)}
    tracker = MlflowTracker()
    tracker.begin(run(tmp_path, project="many", recipe=many))
    tracker.end("stopped")
    (one,) = found("many")
    assert len(one.data.params) == 122 and one.info.status == "KILLED"


def test_files_and_directories_are_kept(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("report")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    tracker = MlflowTracker()
    tracker.begin(run(tmp_path))
    tracker.artefacts([tmp_path / "report.html", tmp_path / "model"])
    (one,) = found()
    artefacts = mlflow.MlflowClient().list_artifacts(one.info.run_id)
    assert [artefact.path for artefact in artefacts] == ["model", "report.html"]


def test_the_experiment_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    MlflowTracker().begin(run(tmp_path))
    MlflowTracker().begin(run(tmp_path, project="mine"))
    assert len(found("theirs")) == len(found("mine")) == 1
