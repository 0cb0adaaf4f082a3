"""A run with a time limit: what is planned, when it stops, and what a later start counts. No test looks at a clock."""

import json
from pathlib import Path
from typing import Any

import pytest

from luthier.engines.events import Events
from luthier.errors import RecipeError
from luthier.learning_curves.record import read_curves
from luthier.pipeline.prepare import Prepared
from luthier.pipeline.training import time_limit as limits
from luthier.pipeline.training.finish import finish
from luthier.pipeline.training.time_limit import TimeLimit, time_limit
from luthier.pipeline.training.time_plan import Needs, TimePlan
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text
from tests.engines.helpers import ENGINES, prepared_data, with_settings
from tests.listener import Listener

# 32 training rows in 4 steps per epoch, 8 validation rows.
QUICK: dict[str, Any] = {
    "training.batch_size": 8,
    "training.epochs": 2,
    "training.max_time": "10m",
    "evaluation.resamples": 100,
    "evaluation.baselines": False,
    "data.validation_share": 0.2,
}
NEEDS = Needs(begin=10, step=50, between=50, evaluation=20, checkpoint=5, end=30)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("time"), tiny_model, n=40, **QUICK)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run needs `NEEDS`, for 8 steps of 2 epochs."""
    monkeypatch.setattr(limits, "_measure", lambda *args: (NEEDS, 8, 4))


def begun(path: Path, prepared: Prepared) -> Run:
    run = Run.create(path)
    write_json(run.data_file, prepared.to_dict())
    write_text(run.recipe_file, prepared.recipe.to_toml())
    return run


def test_without_a_limit_there_is_none(data: Prepared, tmp_path: Path) -> None:
    assert time_limit(Run.create(tmp_path / "run"), with_settings(data, training__max_time=None), Listener()) is None


@pytest.mark.parametrize("engine", ENGINES)
def test_the_steps_of_a_new_run_are_measured(data: Prepared, tmp_path: Path, engine: str) -> None:
    prepared, told = with_settings(data, training__engine=engine, training__max_time="1000h"), Listener()
    run = Run.create(tmp_path / "run")
    limit = time_limit(run, prepared, told, elapsed=lambda: 7.0)
    assert limit is not None and limit.used == 7
    assert limit.plan.steps == prepared.recipe.training.planned_steps == 8
    assert 0 < limit.plan.step < limit.plan.rest < limit.plan.seconds
    (line,) = told.said
    assert line.startswith("max_time 1000h: all 8 steps (2 epochs) of ") and " and 2 evaluations fit, " in line
    assert [path.name for path in run.path.iterdir()] == ["checkpoints"] and not list(run.checkpoints.iterdir())


def test_what_is_too_short_is_refused(data: Prepared, tmp_path: Path) -> None:
    prepared = with_settings(data, training__max_time="10s")
    with pytest.raises(RecipeError, match="10s is too short") as caught:
        time_limit(Run.create(tmp_path / "run"), prepared, Listener(), elapsed=lambda: 11.0)
    assert caught.value.hint.startswith("--max-time ")


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("limit", "steps", "line"),
    [
        ("10m", 8, "max_time 10m: all 8 steps (2 epochs) of 50 s and 2 evaluations fit, 8 min 20 s in all"),
        (
            "5m",
            4,
            "max_time 5m: 4 steps (1 epoch) of 50 s and 1 evaluation fit, 4 min 35 s in all; 8 steps were asked for",
        ),
    ],
)
def test_what_fits_is_said_and_planned(data: Prepared, tmp_path: Path, limit: str, steps: int, line: str) -> None:
    prepared, told = with_settings(data, training__max_time=limit), Listener()
    found = time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert found is not None and found.plan.steps == steps == prepared.recipe.training.planned_steps
    assert told.said == [line]


@pytest.mark.usefixtures("measured")
def test_the_plan_of_a_recipe_stays_also_where_it_does_not_fit(data: Prepared, tmp_path: Path) -> None:
    prepared, told = with_settings(data, training__max_time="5m", training__planned_steps=8), Listener()
    found = time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert found is not None and found.plan.steps == 8 == prepared.recipe.training.planned_steps
    (line,) = told.warned
    assert "about 4 steps (1 epoch) of 50 s fit here, not the 8 planned in the recipe" in line


def test_a_later_start_counts_what_was_used_before(data: Prepared, tmp_path: Path) -> None:
    """Up to the last point of the curves, as a process that is killed cannot keep its time."""
    run, prepared, told = Run.create(tmp_path / "run"), with_settings(data), Listener()
    first = TimeLimit("10m", 600, TimePlan(6, 400, 50, 105), run.time_file, elapsed=lambda: 100.0)
    with pytest.raises(KeyboardInterrupt), first.kept():
        raise KeyboardInterrupt
    kept = json.loads(run.time_file.read_text())
    assert kept["used"] == 100
    resumed = time_limit(run, prepared, told, elapsed=lambda: 3.0)
    assert resumed is not None and resumed.used == 103 and resumed.plan == first.plan
    assert prepared.recipe.training.planned_steps == 6 and told.said == ["max_time 10m: 1 min 40 s used before"]
    point = {"step": 1, "epoch": 0.1, "time": kept["until"] + 50, "name": "train/loss", "value": 1.0}
    run.curves_file.write_text(json.dumps(point) + "\n")
    resumed = time_limit(run, prepared, told, elapsed=lambda: 3.0)
    assert resumed is not None and resumed.used == pytest.approx(153)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_slow_training_ends_in_time_with_an_evaluation(data: Prepared, tmp_path: Path, engine: str) -> None:
    """After each step, 70 s have passed in place of 50; after the fifth, a step and the end of the run do not fit."""
    prepared = with_settings(data, training__engine=engine, training__planned_steps=8)
    run, events, told, now = begun(tmp_path / "run", prepared), Events(), Listener(), [10.0]
    events.on("step", lambda event: now.__setitem__(0, now[0] + 70))
    limit = TimeLimit("7m30s", 450, TimePlan(8, 440, 50, 105), run.time_file, elapsed=lambda: now[0])
    result = finish(run, prepared, events, told, limit).to_dict()
    assert (result["steps"], result["stopped"]) == (5, "max_time 7m30s left no time for more steps")
    curves = read_curves(run.curves_file)
    assert curves["eval/accuracy"].steps == [4, 5] and result["best_step"] in (4, 5)
    assert result["time"] == {"max": 450, "planned": 440, "planned_steps": 8, "used": 360}
    assert "max_time 7m30s: used 6 min 0 s for 5 of 8 planned steps, planned 7 min 20 s with the report" in told.said
    assert json.loads(run.time_file.read_text())["used"] == 360


def test_a_training_that_is_done_was_not_stopped(data: Prepared, tmp_path: Path) -> None:
    prepared = with_settings(data, training__planned_steps=3)
    run, told = begun(tmp_path / "run", prepared), Listener()
    limit = TimeLimit("10m", 600, TimePlan(3, 440, 50, 105), run.time_file, before=90, elapsed=lambda: 200.0)
    result = finish(run, prepared, Events(), told, limit).to_dict()
    assert (result["steps"], result["stopped"]) == (3, "all steps completed")
    assert "max_time 10m: used 4 min 50 s, planned 7 min 20 s with the report" in told.said
