"""A run with a time limit: what is planned, when it stops, and what a later start counts. No test looks at a clock."""

import json
from pathlib import Path
from typing import Any

import pytest

from luthier.engines.events import Events
from luthier.errors import DamagedError, RecipeError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training import time_limit as limits
from luthier.pipeline.training.finish import finish
from luthier.pipeline.training.time_limit import TimeLimit, time_limit
from luthier.pipeline.training.time_plan import Needs, TimePlan
from luthier.reporting.render import vega_bundle
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
    assert 0 < limit.plan.needs.step < limit.plan.needs.end < limit.plan.seconds and not limit.plan.fixed
    assert vega_bundle.cache_info().currsize == 1, "the report finds it loaded"
    first, line = told.said
    assert first == "max_time 1000h: measuring steps, evaluations and the final score"
    assert line.startswith("max_time 1000h: all 8 steps (2 epochs, ") and " each) and 2 evaluations fit: " in line
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
        ("10m", 8, "max_time 10m: all 8 steps (2 epochs, 50 s each) and 2 evaluations fit: 8 min 20 s in all"),
        (
            "5m",
            4,
            "max_time 5m: 4 steps (1 epoch, 50 s each) and 1 evaluation fit: 4 min 35 s in all; 8 steps were asked for",
        ),
    ],
)
def test_what_fits_is_said_and_planned(data: Prepared, tmp_path: Path, limit: str, steps: int, line: str) -> None:
    prepared, told = with_settings(data, training__max_time=limit), Listener()
    found = time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert found is not None and found.plan.steps == steps == prepared.recipe.training.planned_steps
    assert told.said[1:] == [line]


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("limit", "more", "every"),
    [
        ("5m", {}, 0.5),  # two of 20 s are the 45 s that evaluations get
        ("10m", {}, 0.25),
        ("1h", {}, 0.1),  # ten are less than a tenth of the time
        ("5m", {"training__eval_steps": 0.1}, 0.1),
        ("5m", {"training__eval_steps": 1}, 1),
        ("5m", {"training__eval_strategy": "epoch"}, 0.1),
    ],
)
def test_evaluations_get_a_part_of_the_time_unless_it_is_said_how_many(
    data: Prepared, tmp_path: Path, limit: str, more: dict[str, Any], every: float
) -> None:
    settings = {"training__eval_strategy": "steps", "training__max_time": limit, **more}
    prepared, told = with_settings(data, **settings), Listener()
    time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert prepared.recipe.training.eval_steps == every
    assert bool(told.decisions) is (every not in (0.1, 1))


@pytest.mark.usefixtures("measured")
def test_the_plan_of_a_recipe_stays_also_where_it_does_not_fit(data: Prepared, tmp_path: Path) -> None:
    prepared, told = with_settings(data, training__max_time="5m", training__planned_steps=8), Listener()
    found = time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert found is not None and found.plan.steps == 8 == prepared.recipe.training.planned_steps
    (line,) = told.warned
    assert "about 4 steps fit here, not the 8 planned in the recipe" in line
    assert found.plan.seconds == 500


@pytest.mark.usefixtures("measured")
def test_a_plan_may_use_the_reserve(data: Prepared, tmp_path: Path) -> None:
    """8 steps take 8 min 20 s: more than 97 % of the time, but not more than all of it."""
    prepared, told = with_settings(data, training__max_time="8m25s", training__planned_steps=8), Listener()
    found = time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert found is not None and found.plan.steps == 8 and not told.warned
    line = "all 8 steps planned in the recipe (2 epochs, 50 s each) and 2 evaluations fit: 8 min 20 s in all"
    assert told.said[1:] == [f"max_time 8m25s: {line}"]


@pytest.mark.usefixtures("measured")
def test_a_plan_for_another_time_is_ignored(data: Prepared, tmp_path: Path) -> None:
    settings = {"training__planned_steps": 2, "training__planned_for": "3m", "training__max_time": "5m"}
    prepared, told = with_settings(data, **settings), Listener()
    found = time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert found is not None and found.plan.steps == prepared.recipe.training.planned == 4
    assert told.said[0] == "planned_steps 2 ignored: it was planned for max_time 3m"
    assert "planned in the recipe" not in told.said[-1]


@pytest.mark.usefixtures("measured")
def test_the_evaluations_that_are_said_are_the_scheduled_ones(data: Prepared, tmp_path: Path) -> None:
    prepared, told = with_settings(data, training__ema_decay=0.9, training__average_best=2), Listener()
    time_limit(Run.create(tmp_path / "run"), prepared, told, elapsed=lambda: 10.0)
    assert " and 2 evaluations fit: " in told.said[-1]


def test_the_time_of_a_run_that_lost_its_file_is_that_of_its_curves(
    data: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, told = with_settings(data, training__planned_steps=6), Listener()
    monkeypatch.setattr(limits, "_measure", lambda *args: (NEEDS, 6, 4))
    run = begun(tmp_path / "run", prepared)
    points = [{"step": n, "epoch": n / 4, "time": 1e9 + 100 * n, "name": "train/loss", "value": 1.0} for n in (1, 5)]
    run.curves_file.write_text("".join(f"{json.dumps(point)}\n" for point in points))
    resumed = time_limit(run, prepared, told, elapsed=lambda: 3.0)
    assert resumed is not None and resumed.used == 403 and prepared.recipe.training.planned_steps == 6
    assert resumed.plan == TimePlan(6, 3 + 10 + 6 * 50 + 2 * 25 + 30, NEEDS, fixed=True)
    words = "6 min 40 s used before by the curves, as time.json is missing; the planned steps stay"
    assert told.said[0] == f"max_time 10m: {words}" and not told.warned


@pytest.mark.parametrize("content", ["{}", '{"used": 1, "until": 1, "plan": {"steps": 1}}', "[]", "{"])
def test_a_damaged_file_is_named(data: Prepared, tmp_path: Path, content: str) -> None:
    run = begun(tmp_path / "run", data)
    run.time_file.write_text(content)
    with pytest.raises(DamagedError, match="the file is damaged") as caught:
        time_limit(run, with_settings(data), Listener())
    assert caught.value.where == str(run.time_file) and "or delete it" in caught.value.hint


def test_a_later_start_counts_what_was_used_before(data: Prepared, tmp_path: Path) -> None:
    """Up to the last point of the curves, as a process that is killed cannot keep its time."""
    run, prepared, told = Run.create(tmp_path / "run"), with_settings(data), Listener()
    first = TimeLimit(prepared.recipe, TimePlan(6, 400, NEEDS), run, elapsed=lambda: 100.0)
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


def test_a_training_that_is_done_was_not_stopped(data: Prepared, tmp_path: Path) -> None:
    prepared = with_settings(data, training__planned_steps=3)
    run, told = begun(tmp_path / "run", prepared), Listener()
    limit = TimeLimit(prepared.recipe, TimePlan(3, 440, NEEDS, fixed=True), run, before=90, elapsed=lambda: 200.0)
    result = finish(run, prepared, Events(), told, limit).to_dict()
    assert (result["steps"], result["stopped"]) == (3, "all steps completed")
    assert "max_time 10m: 4 min 50 s used before the report; 7 min 20 s were planned in all" in told.said


@pytest.mark.parametrize(("used", "traced"), [(580.0, True), (595.0, False)])
def test_rows_are_traced_only_if_seconds_are_left(data: Prepared, tmp_path: Path, used: float, traced: bool) -> None:
    prepared, run = with_settings(data, training__planned_steps=3), begun(tmp_path / "run", data)
    limit = TimeLimit(prepared.recipe, TimePlan(3, 440, NEEDS, fixed=True), run, elapsed=lambda: used)
    finish(run, prepared, Events(), Listener(), limit)
    assert run.metrics_file.is_file() and run.traces.exists() == traced
