"""A limited time during training: steps are planned again, and a run ends in time. No test looks at a clock."""

import gc
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luthier.engines.events import Events
from luthier.learning_curves.record import read_curves
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.finish import finish
from luthier.pipeline.training.time_limit import TimeLimit
from luthier.pipeline.training.time_plan import TimePlan
from luthier.run_directory.run import Run
from tests.engines.helpers import ENGINES, prepared_data, with_settings
from tests.listener import Listener
from tests.pipeline.training.test_time_limit import NEEDS, QUICK, begun


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("time"), tiny_model, n=40, **QUICK)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_slow_training_ends_in_time_with_an_evaluation(data: Prepared, tmp_path: Path, engine: str) -> None:
    """After each step, 70 s have passed in place of 50; after the fifth, a step and the end of the run do not fit."""
    prepared = with_settings(data, training__engine=engine, training__planned_steps=8, training__max_time="7m30s")
    run, events, told, now = begun(tmp_path / "run", prepared), Events(), Listener(), [10.0]
    events.on("step", lambda event: now.__setitem__(0, now[0] + 70))
    plan = TimePlan(8, 440, replace(NEEDS, evaluation=15), fixed=True)
    limit = TimeLimit(prepared.recipe, plan, run, elapsed=lambda: now[0])
    result = finish(run, prepared, events, told, limit).to_dict()
    assert (result["steps"], result["stopped"]) == (5, "max_time 7m30s left no time for more steps")
    curves = read_curves(run.curves_file)
    assert curves["eval/accuracy"].steps == [4, 5] and result["best_step"] in (4, 5)
    assert result["time"] == {"max": 450, "planned": 440, "planned_steps": 8, "used": 360}
    assert "max_time 7m30s: stopped after 5 of 8 planned steps; 6 min 0 s used before the report" in told.said
    assert json.loads(run.time_file.read_text())["used"] == 360


def timed(run: Run, prepared: Prepared, seconds: Callable[[int], float], *, fixed: bool = False) -> dict[str, Any]:
    """The result of a run in 10 minutes whose n-th step takes so many seconds; 8 steps of 50 s were planned."""
    events, now = Events(), [10.0]
    events.on("step", lambda event: now.__setitem__(0, now[0] + seconds(event.step)))
    limit = TimeLimit(prepared.recipe, TimePlan(8, 440, NEEDS, fixed=fixed), run, elapsed=lambda: now[0])
    return finish(run, prepared, events, Listener(), limit).to_dict()


def paced(data: Prepared, **more: Any) -> Prepared:
    """With time for 16 steps at most."""
    given = {"epochs": 4.0, "planned_steps": 8, "planned_for": "10m", "eval_strategy": "steps", "eval_steps": 0.25}
    return with_settings(data, **{f"training__{name}": value for name, value in (given | more).items()})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("seconds", "steps"), [(20, range(10, 17)), (62, [8]), (80, range(4, 8))])
def test_the_steps_are_planned_again_by_the_pace_of_the_training(
    data: Prepared, tmp_path: Path, engine: str, seconds: float, steps: Sequence[int]
) -> None:
    """The schedule ends with the last step, and the recipe has what a run of it needs to take the same path."""
    prepared = paced(data, engine=engine)
    run = begun(tmp_path / "run", prepared)
    result = timed(run, prepared, lambda step: seconds)
    assert result["steps"] in steps and result["stopped"] == "all steps completed"
    assert result["time"]["planned_steps"] == result["steps"] and result["time"]["used"] < 600 - NEEDS.end
    saved = run.recipe.training
    assert saved.planned_steps == 8 and saved.total_steps(4) == result["steps"]
    assert bool(saved.replanned) is (seconds != 62)
    rates = read_curves(run.curves_file)["train/learning_rate"].values
    assert rates[-1] < 0.25 * max(rates)

    again = begun(tmp_path / "again", with_settings(prepared, training=saved.model_copy(deep=True)))
    timed(again, with_settings(prepared, training=saved), lambda step: 5.0, fixed=True)
    assert read_curves(again.curves_file)["train/loss"].values == read_curves(run.curves_file)["train/loss"].values


@pytest.mark.slow
@pytest.mark.parametrize("slower", [False, True])
def test_engines_take_the_same_steps_when_they_are_planned_again(data: Prepared, tmp_path: Path, slower: bool) -> None:
    found = []
    for engine in ENGINES:
        prepared = with_settings(paced(data, engine=engine), model__dropout=0.1)
        run = begun(tmp_path / engine, prepared)
        timed(run, prepared, lambda step: 90.0 if slower else 25.0)
        curves = read_curves(run.curves_file)
        found.append({name: curves[name].values for name in ("train/loss", "train/learning_rate", "eval/loss")})
    assert found[0].keys() == found[1].keys() and len(found[0]["train/loss"]) != 8
    for name, values in found[0].items():
        assert found[1][name] == pytest.approx(values, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_stopped_takes_the_path_that_it_had_planned_again(
    data: Prepared, tmp_path: Path, engine: str
) -> None:
    """Its checkpoint is of step 4; what was planned after that is in its recipe, and done once more."""

    def seconds(step: int) -> float:
        return 30.0 if step < 4 else 45.0

    prepared = paced(data, engine=engine)
    through = begun(tmp_path / "through", prepared)
    timed(through, prepared, seconds)
    planned = through.recipe.training.replanned
    assert planned[0][0] < 4 < planned[-1][0]

    def killed(step: int) -> float:
        if step == planned[-1][0] + 1:
            raise RuntimeError
        return seconds(step)

    prepared = paced(data, engine=engine, save_strategy="steps", save_steps=4)
    run = begun(tmp_path / "run", prepared)
    with suppress(RuntimeError):
        timed(run, prepared, killed)
    gc.collect()  # closes the curves, as the end of a process does
    timed(run, replace(prepared, recipe=run.recipe), lambda step: 40.0)
    assert run.recipe.training.replanned[: len(planned)] == planned
    losses, rates = (
        [read_curves(one.curves_file)[f"train/{name}"].values[: planned[-1][0] + 2] for one in (through, run)]
        for name in ("loss", "learning_rate")
    )
    assert losses[0] == losses[1] and rates[0] == rates[1]


@pytest.mark.slow
def test_engines_see_the_same_rows_when_more_steps_are_planned_twice(data: Prepared, tmp_path: Path) -> None:
    """The second time, the training has begun again in the middle, and goes on beyond what was planned by then."""
    found = []
    for engine in ENGINES:
        prepared = paced(data, engine=engine, epochs=10.0)
        run = begun(tmp_path / engine, prepared)
        assert timed(run, prepared, lambda step: 40.0 if step < 5 else 12.0)["steps"] == 32
        assert len([total for step, total in run.recipe.training.replanned if total < 32]) > 3
        found.append(read_curves(run.curves_file)["train/loss"].values)
    assert found[1] == pytest.approx(found[0], rel=1e-5)
