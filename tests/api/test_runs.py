"""`runs`: what is known of each run below a directory, and that a damaged one hides no other."""

import json
from pathlib import Path

import pytest

from luthier.api.runs import runs
from luthier.errors import RunError
from luthier.storage.atomic import write_json
from tests.api.written import GOLD, begun, finished, wrong_on


def test_a_finished_run_has_its_score_and_an_unfinished_one_has_not(tmp_path: Path) -> None:
    finished(tmp_path / "b", wrong_on(1, 2), started="2026-01-01T10:00:00Z", model__name="minilm")
    begun(tmp_path / "a", started="2026-01-02T10:00:00Z")
    done, stopped = runs(tmp_path)
    assert done["metric"].pop("low") < 0.9 < done["metric"].pop("high")
    for found in (done, stopped):
        files = [path for path in Path(found["run"]).rglob("*") if path.is_file()]
        assert found.pop("size_bytes") == sum(path.stat().st_size for path in files) > 0
    assert done == {
        "run": str(tmp_path / "b"),
        "state": "done",
        "task": "text-classification",
        "model": "minilm",
        "started": "2026-01-01T10:00:00Z",
        "steps": 3,
        "metric": {
            "name": "accuracy",
            "value": 0.9,
            "n": 20,
            "split": "test",
            "greater_is_better": True,
            "limits": [0.0, 1.0],
        },
        "verdict": None,
    }
    assert stopped == {
        "run": str(tmp_path / "a"),
        "state": "stopped",
        "task": "text-classification",
        "model": None,
        "started": "2026-01-02T10:00:00Z",
        "steps": None,
        "metric": None,
        "verdict": None,
    }


def test_runs_are_listed_oldest_first_and_by_name_where_they_began_together(tmp_path: Path) -> None:
    for name, day in (("c", 1), ("a", 3), ("d", 2), ("b", 2)):
        begun(tmp_path / name, started=f"2026-01-0{day}T00:00:00Z")
    begun(tmp_path / "e").environment_file.unlink()
    assert [Path(run["run"]).name for run in runs(str(tmp_path))] == ["e", "c", "b", "d", "a"]


def test_a_run_that_is_being_written_is_running(tmp_path: Path) -> None:
    run = begun(tmp_path / "a")
    with run.lock():
        assert [found["state"] for found in runs(tmp_path)] == ["running"]
    assert [found["state"] for found in runs(tmp_path)] == ["stopped"]


@pytest.mark.parametrize("name", ["recipe.toml", "metrics.json", "result.json", "environment.json"])
def test_a_damaged_run_is_told_among_the_others(name: str, tmp_path: Path) -> None:
    whole = finished(tmp_path / "a", wrong_on(1))
    file = finished(tmp_path / "b", wrong_on(1)).path / name
    file.write_bytes(file.read_bytes()[:-20])
    damaged, other = runs(tmp_path)
    assert damaged["run"] == str(tmp_path / "b")
    assert damaged["state"].startswith("damaged: ")
    assert (other["run"], other["state"]) == (str(whole.path), "done")


@pytest.mark.parametrize("name", ["metrics.json", "result.json", "environment.json"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"a": 1}, "a JSON file of the run does not have the form that Luthier writes ("),
        ([1], "the file is damaged: it is not a JSON object"),
    ],
)
def test_a_file_of_another_form_is_damaged_too(name: str, content: object, why: str, tmp_path: Path) -> None:
    run = finished(tmp_path / "a", wrong_on(1))
    (run.path / name).write_text(json.dumps(content))
    (found,) = runs(tmp_path)
    assert found["state"].startswith(f"damaged: {why}")


def test_the_metric_that_chose_the_checkpoint_is_shown_or_the_first_one_if_that_was_the_loss(tmp_path: Path) -> None:
    run = finished(tmp_path / "a", wrong_on(1), evaluation__metric_for_best="f1")
    assert runs(tmp_path)[0]["metric"]["name"] == "f1"
    scores = run.read_json(run.metrics_file)
    assert scores is not None
    write_json(run.metrics_file, scores | {"metric_for_best": "loss"})
    assert runs(tmp_path)[0]["metric"]["name"] == "accuracy"
    write_json(run.metrics_file, scores | {"metric_for_best": "mine"})
    assert runs(tmp_path)[0]["metric"] is None


@pytest.mark.parametrize(
    ("said", "best", "says"),
    [
        (wrong_on(), wrong_on(*range(8)), "significantly better"),
        (wrong_on(*range(8)), wrong_on(), "significantly worse"),
        (wrong_on(*range(8)), wrong_on(*range(7)), "not significant"),
        (wrong_on(1), wrong_on(1), "not significant"),
    ],
)
def test_a_run_is_judged_by_the_best_baseline(said: list[str], best: list[str], says: str, tmp_path: Path) -> None:
    finished(tmp_path / "a", said, baselines={"majority": wrong_on(*range(20)), "tfidf": best})
    assert runs(tmp_path)[0]["verdict"] == {"baseline": "tfidf", "says": says}


def test_a_new_model_is_named_by_its_size(tmp_path: Path) -> None:
    finished(tmp_path / "a", GOLD, model__from_scratch="tiny", model__architecture="bert")
    assert runs(tmp_path)[0]["model"] == "bert of size tiny, from scratch"


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "recipe.toml").write_text("seed = 1\n")
    assert runs(tmp_path) == []


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        runs(tmp_path / "runs")
    assert caught.value.where == str(tmp_path / "runs")
    assert "luthier train DATA" in caught.value.hint
