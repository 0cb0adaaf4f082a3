"""`train --seeds`: the same rows for every seed, one summary, and a set that goes on where it stopped."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import luthier
from luthier.api import one_run
from luthier.api.several.seeds import check_seeds, for_seeds
from luthier.api.train import plan, train
from luthier.errors import InterruptedRun, ModelError, RecipeError, RunError, UsageError
from luthier.pipeline.several.seeds import SeedsResult
from luthier.recipe import Recipe
from luthier.run_directory.predictions import read_predictions
from luthier.run_directory.run import Run
from luthier.run_directory.run_set import RunSet
from tests.conftest import PLAIN_BY_NAME, review_rows, write_csv
from tests.faults.runs import Outcome, quick_report
from tests.listener import Listener

ROWS = review_rows(80)
QUICK: dict[str, Any] = PLAIN_BY_NAME | {
    "max_steps": 6,
    "resamples": 100,
    "precision": "fp32",
    "learning_rate": 1e-3,
    "baselines": False,
}


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Any:
    """Runs without their reports, which have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_run, "report", quick_report)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "rows.csv", ROWS)


@pytest.fixture(scope="module")
def seeds(data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> SeedsResult:
    """Three seeds, which nobody stopped."""
    place = tmp_path_factory.mktemp("seeds") / "three"
    return train(data, seeds=3, seed=5, run_dir=place, model=str(tiny_model), **QUICK)


def test_every_seed_is_an_ordinary_run_on_the_same_rows(seeds: SeedsResult) -> None:
    runs = [result.run for result in seeds.results]
    assert [run.path.name for run in runs] == ["seed-5", "seed-6", "seed-7"]
    assert [run.recipe.seed for run in runs] == [5, 6, 7]
    rows = [read_predictions(run.predictions_file) for run in runs]
    first = rows[0]
    assert first is not None
    for run, other in zip(runs, rows, strict=True):
        assert other is not None and run.state() == "done"
        assert other["row"] == first["row"] and other["gold"] == first["gold"]
    weights = {(run.model / "model.safetensors").read_bytes() for run in runs}
    assert len(weights) == 3, "what varies is the training"
    recipes = [run.recipe.flatten() for run in runs]
    for recipe in recipes[1:]:
        assert {key for key in recipe if recipe[key] != recipes[0][key]} == {"seed"}


def test_the_first_seed_is_the_run_that_would_have_been(
    seeds: SeedsResult, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    alone = train(data, seed=5, run_dir=tmp_path / "alone", model=str(tiny_model), **QUICK)
    Outcome.of(alone.run.path).assert_same(Outcome.of(seeds.runs.path / "seed-5"))


def test_the_summary_is_the_mean_over_the_seeds_and_is_written(seeds: SeedsResult) -> None:
    values = [result.metrics["accuracy"].value for result in seeds.results]
    accuracy = seeds.metrics["accuracy"]
    assert accuracy.values == tuple(values) and accuracy.n_seeds == 3
    assert accuracy.mean == pytest.approx(np.mean(values)) and accuracy.sd == pytest.approx(np.std(values, ddof=1))
    printed = seeds.to_dict()
    assert json.loads(seeds.runs.result_file.read_text()) == json.loads(json.dumps(printed))
    assert printed["metrics"]["accuracy"]["value"] == accuracy.mean, "as the fixed form has it"
    assert (printed["metrics"]["accuracy"]["split"], printed["seeds"]) == ("test", [5, 6, 7])
    page = seeds.report_path.read_text()
    assert "Accuracy over 3 seeds: mean" in page and 'href="seed-6/report.html"' in page
    assert repr(seeds).startswith("Accuracy over 3 seeds: mean") and "<table>" in seeds._repr_html_()


def test_the_model_is_the_best_seed_on_validation(seeds: SeedsResult, tmp_path: Path) -> None:
    seen = {run["seed"]: run["validation"] for run in seeds.values["runs"]}
    best = seeds.best
    assert best is not None and seen[best.recipe.seed] == max(seen.values())
    assert luthier.load(best).predict(["a warm film"]) == luthier.load(seeds).predict(["a warm film"])
    assert seeds.predictor().predict(["a warm film"])[0]["prediction"] in ("good", "bad")
    moved = shutil.copytree(seeds.runs.path, tmp_path / "moved")
    again = luthier.evaluate(moved)
    assert again.directory.is_relative_to(moved / best.path.name)
    place = [result.run for result in seeds.results].index(best)
    assert again.metrics["accuracy"].value == seeds.metrics["accuracy"].values[place]


def test_a_set_that_was_stopped_goes_on_bit_for_bit(
    seeds: SeedsResult, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    stops: list[int] = []

    def stop(event: Any) -> None:
        stops.append(event.step)
        if len(stops) == 3:  # the first seed has two checkpoints, the second one is stopped at its first
            raise KeyboardInterrupt

    place, calls = tmp_path / "three", [("checkpoint", stop)]
    with pytest.raises(KeyboardInterrupt):
        train(data, seeds=3, seed=5, run_dir=place, model=str(tiny_model), callbacks=calls, **QUICK)  # type: ignore[call-overload]
    runs = RunSet.at(place)
    assert runs is not None and runs.state() == "stopped" and [run.path.name for run in runs.done] == ["seed-5"]
    assert [run.path.name for run in runs.begun] == ["seed-5", "seed-6"]
    with pytest.raises(ModelError, match="not complete") as caught:
        luthier.load(place)
    assert f"luthier resume {place}" in caught.value.hint
    with pytest.raises(RunError, match="1 of 3 runs are complete"):
        luthier.report(place)
    before = (place / "seed-5" / "result.json").stat().st_mtime_ns
    console = Listener()
    result = luthier.resume(place, console=console)
    assert isinstance(result, SeedsResult)
    assert (place / "seed-5" / "result.json").stat().st_mtime_ns == before, "it is not trained again"
    assert any(line.startswith("resuming from step 4 of 6 (") for line in console.said)
    for name in runs.changes:
        Outcome.of(place / name).assert_same(Outcome.of(seeds.runs.path / name))
    assert result.metrics == seeds.metrics
    again = luthier.resume(place)
    assert isinstance(again, SeedsResult) and again.to_dict() == result.to_dict()


def test_a_signal_says_how_the_set_is_resumed(
    seeds: SeedsResult, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: Any) -> None:
        raise InterruptedRun("stopped by SIGTERM", where="run", hint="of the run")

    monkeypatch.setattr("luthier.api.several.carry_on.begin", stopped)
    with pytest.raises(InterruptedRun):
        train(ROWS, seeds=2, run_dir=tmp_path / "set", model=str(tiny_model), **QUICK)
    assert not (tmp_path / "set").exists(), "nothing had begun"
    place = shutil.copytree(seeds.runs.path, tmp_path / "three")
    shutil.rmtree(place / "seed-7")
    with pytest.raises(InterruptedRun) as caught:
        luthier.resume(place)
    assert caught.value.hint == f"`luthier resume {place}` goes on from here"


def test_time_is_divided_and_splits_are_shared() -> None:
    console = Listener()
    recipe = for_seeds(Recipe.build({"seed": 3, "training": {"max_time": "10m"}}), 3, console)
    assert (recipe.data.split_seed, recipe.training.max_time) == (3, "3m20s")
    own = for_seeds(Recipe.build({"seed": 3, "data": {"split_seed": 8}}), 3, console)
    assert own.split_seed == 8 and own.training.max_time is None
    with pytest.raises(RecipeError, match="would be 4294967296"):
        for_seeds(Recipe.build({"seed": 2**32 - 1}), 2, console)


@pytest.mark.parametrize("wrong", [0, 1, -3, "3", 2.0, True])
def test_what_is_no_number_of_seeds_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="a number of runs from 2 to"):
        check_seeds(wrong)
    for function in (train, plan):
        with pytest.raises(UsageError, match="a number of runs from 2 to"):
            function(ROWS, seeds=wrong)  # type: ignore[operator]


def test_a_directory_with_runs_is_refused_and_its_hint_resumes_them(
    seeds: SeedsResult, tiny_model: Path, tmp_path: Path
) -> None:
    for function in (train, plan):
        with pytest.raises(RunError, match="already contains runs") as caught:
            function(ROWS, seeds=2, run_dir=seeds.runs.path, model=str(tiny_model), **QUICK)  # type: ignore[operator]
        assert caught.value.hint == f"`luthier resume {seeds.runs.path}` resumes them"
    with pytest.raises(RunError, match="already contains a run"):
        train(ROWS, seeds=2, run_dir=seeds.runs.path / "seed-5", model=str(tiny_model), **QUICK)
    with pytest.raises(RunError, match="no recipe") as caught:
        luthier.prune([seeds.runs.path])
    assert "such as" in caught.value.hint and "seed-5" in caught.value.hint


def test_rows_in_memory_are_kept_by_the_first_run(tiny_model: Path, tmp_path: Path) -> None:
    settings = QUICK | {"max_steps": 1, "eval_strategy": "no"}
    result = train(ROWS, seeds=2, run_dir=tmp_path / "set", model=str(tiny_model), **settings)
    kept = {run.path.name: run.recipe.data.train for run in result.runs.done}
    assert kept["seed-42"] == kept["seed-43"] == [str(tmp_path / "set" / "seed-42" / "data" / "train.parquet")]
    assert result.best is None, "no run was evaluated on validation rows"
    with pytest.raises(ModelError, match="none of the runs in this directory was picked"):
        result.predictor()


def test_a_failed_start_leaves_nothing_behind(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        train(ROWS, seeds=2, run_dir=tmp_path / "set", model=str(tmp_path / "nowhere"), **QUICK)
    assert not (tmp_path / "set").exists()


def test_the_plan_names_the_seeds(tiny_model: Path) -> None:
    planned = plan(ROWS, seeds=2, seed=9, model=str(tiny_model), **QUICK)
    assert planned.to_dict()["seeds"] == [9, 10] and planned.recipe.data.split_seed == 9
    assert "seeds" not in plan(ROWS, model=str(tiny_model), **QUICK).to_dict()


def test_the_list_of_runs_has_one_line_for_all(seeds: SeedsResult) -> None:
    (found,) = luthier.runs(seeds.runs.path.parent)
    assert (found["state"], found["seeds"], found["runs_done"]) == ("done", [5, 6, 7], 3)
    assert found["metric"]["value"] == seeds.metrics["accuracy"].mean
    assert [Run(Path(one["run"])).path.name for one in luthier.runs(seeds.runs.path)] == ["seed-5", "seed-6", "seed-7"]


def test_a_damaged_set_hides_no_other_run(seeds: SeedsResult, tmp_path: Path) -> None:
    shutil.copytree(seeds.runs.path / "seed-5", tmp_path / "alone")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "runs.json").write_text("{")
    states = {Path(one["run"]).name: one["state"] for one in luthier.runs(tmp_path)}
    assert states["alone"] == "done" and states["broken"].startswith("damaged: the file is damaged")
