"""The table `training`: micro-batches, intervals, checkpoints that are kept, what rules out a default."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import RecipeError
from luthier.recipe import Recipe, TrainingRecipe
from luthier.recipe.training import steps_between

Values = dict[str, Any]


def test_a_token_budget_takes_the_place_of_the_batch_size() -> None:
    recipe = Recipe.build({"training": {"tokens_per_batch": 512, "gradient_accumulation_steps": 32}})
    assert recipe.training.batch_size is None
    assert recipe.with_defaults({"training.batch_size": 8}).training.batch_size is None
    again = Recipe.build(tomllib.loads(recipe.to_toml())).training
    assert (again.batch_size, again.tokens_per_batch) == (None, 512)
    assert again.steps_per_epoch(100, 10.5) == 3 and TrainingRecipe().steps_per_epoch(100, 10.5) == 7
    assert TrainingRecipe(batch_size=None).batch_size == 16


def test_a_token_budget_and_a_batch_size_are_refused() -> None:
    with pytest.raises(RecipeError, match="batch_size and tokens_per_batch are both set"):
        Recipe.build({"training": {"tokens_per_batch": 512, "batch_size": 8}})
    with pytest.raises(RecipeError, match="at least 1"):
        Recipe.build({"training": {"tokens_per_batch": 0}})


@pytest.mark.parametrize("limit", [0, -1])
def test_a_run_keeps_its_newest_checkpoint_or_saves_none(limit: int) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.build({"training": {"save_total_limit": limit}})
    assert caught.value.what.startswith(f"save_total_limit is {limit}, but a run keeps its newest checkpoint")
    assert 'save_strategy = "no" to save none' in caught.value.what
    assert "training.save_total_limit" in caught.value.hint


def test_a_plan_needs_the_time_that_it_is_for() -> None:
    with pytest.raises(RecipeError, match="planned_steps is a plan for max_time, which is not set"):
        Recipe.build({"training": {"planned_steps": 5}})
    planned = Recipe.build({"training": {"planned_steps": 5, "max_time": 90}})
    for max_time, known in ((90, 5), (91, None)):
        other = {"planned_steps": 5, "planned_for": "1m30s", "max_time": max_time}
        assert Recipe.build({"training": other}).training.planned == known
    assert planned.training.planned == 5
    with pytest.raises(RecipeError, match="replanned changes planned_steps, which is not set"):
        Recipe.build({"training": {"replanned": [[3, 9]], "max_time": 90}})
    assert 'max_time = "1m30s"' in planned.to_toml() and planned.training.max_seconds == 90


def test_an_average_of_the_best_checkpoints_needs_evaluations() -> None:
    with pytest.raises(RecipeError, match="average_best averages the best checkpoints") as caught:
        Recipe.build({"training": {"average_best": 3, "eval_strategy": "no"}})
    assert "eval_strategy is no" in caught.value.what


@pytest.mark.parametrize(
    ("key", "value"),
    [("ema_decay", 1.0), ("ema_decay", 0.0), ("average_best", 1), ("r_drop_alpha", 0.0), ("r_drop_alpha", -1.0)],
)
def test_levers_out_of_range_are_refused(key: str, value: float) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.build({"training": {key: value}})
    assert caught.value.what.startswith(f"training.{key} must be")


@pytest.mark.parametrize("key", ["eval_steps", "save_steps"])
@pytest.mark.parametrize("every", [0.1, 0.999, 1, 1.0, 100])
def test_an_interval_is_a_number_of_steps_or_a_share_of_them(key: str, every: float) -> None:
    recipe = Recipe.build({"training": {key: every}})
    assert getattr(recipe.training, key) == every
    assert f"{key} = {every}" in recipe.to_toml()


@pytest.mark.parametrize("every", [1.5, 0, 0.0, -1, -0.1])
def test_other_intervals_are_refused(every: float) -> None:
    for key in ("eval_steps", "save_steps"):
        with pytest.raises(RecipeError) as caught:
            Recipe.build({"training": {key: every}})
        assert caught.value.what == f"{every} is neither a number of steps nor a share of them, such as 0.1"
        assert caught.value.where.endswith(f"[training.{key}]") and caught.value.hint.startswith(f"training.{key}: ")


@pytest.mark.parametrize("every", ["often", None, [1]])
def test_intervals_of_other_types_are_refused(every: Any) -> None:
    with pytest.raises(RecipeError, match="eval_steps"):
        Recipe.build({"training": {"eval_steps": every}})


@pytest.mark.parametrize(
    ("strategy", "every", "total", "steps"),
    [
        ("no", 10, 100, None),
        ("epoch", 10, 100, 7),
        ("steps", 10, 100, 10),
        ("steps", 10.0, 100, 10),
        ("steps", 500, 100, 500),
        ("steps", 0.1, 100, 10),
        ("steps", 0.1, 101, 11),
        ("steps", 0.1, 5, 1),
        ("steps", 0.3, 10, 3),  # 0.3 * 10 is 3.0000000000000004 in other orders: it is rounded first
        ("steps", 0.07, 100, 7),  # 7.000000000000001
        ("steps", 0.999, 1, 1),
    ],
)
def test_the_steps_between_evaluations(strategy: Any, every: float, total: int, steps: int | None) -> None:
    found = steps_between(strategy, every, total, 7)
    assert found == steps and isinstance(found, int | None)


@given(every=st.floats(0.001, 0.999), total=st.integers(1, 100_000))
def test_a_share_is_met_about_as_often_as_it_says_and_never_oftener(every: float, total: int) -> None:
    steps = steps_between("steps", every, total, 7)
    assert steps is not None and steps >= 1
    assert total / steps <= 1 / every + 1e-3 and steps <= every * total + 1


@pytest.mark.parametrize(
    ("settings", "name", "value", "takes"),
    [
        ({}, "warmup_ratio", 0.1, True),
        ({"warmup_ratio": 0.0}, "warmup_ratio", 0.1, False),
        ({"warmup_steps": 5}, "warmup_ratio", 0.1, False),
        ({"warmup_steps": 0}, "warmup_ratio", 0.1, False),
        ({"lr_scheduler_type": "constant"}, "warmup_ratio", 0.1, False),
        ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "warmup_ratio", 0.1, False),
        ({"lr_scheduler_type": "constant_with_warmup"}, "warmup_ratio", 0.1, True),
        ({}, "early_stopping_patience", 5, True),
        ({"early_stopping_patience": 0}, "early_stopping_patience", 5, False),
        ({"eval_strategy": "no"}, "early_stopping_patience", 5, False),
        ({"gradient_accumulation_steps": 8}, "batch_size", 8, True),
        ({"gradient_accumulation_steps": 9}, "batch_size", 8, False),
        ({"tokens_per_batch": 512}, "batch_size", 8, False),
    ],
)
def test_what_was_set_can_rule_out_a_default(settings: Values, name: str, value: float, takes: bool) -> None:
    training = Recipe.build({"training": settings}).training
    assert training.takes_default(name, value) is takes
    default = Recipe.build({"training": settings}).with_defaults({f"training.{name}": value}).training
    assert (getattr(default, name) == value) is takes


def test_early_stopping_that_is_turned_off_needs_no_evaluations() -> None:
    off = {"eval_strategy": "no", "early_stopping_patience": 0}
    assert Recipe.build({"training": off}).training.early_stopping_patience == 0
    with pytest.raises(RecipeError, match="early_stopping_patience needs evaluations"):
        Recipe.build({"training": off | {"early_stopping_patience": 1}})


def test_steps_planned_again_count_from_the_step_after_which_they_were() -> None:
    training: dict[str, Any] = {"epochs": 3, "max_time": 90, "planned_steps": 20, "replanned": [[4, 25], [9, 18]]}
    recipe = Recipe.build({"training": training})
    read = Recipe.build(tomllib.loads(recipe.to_toml())).training
    assert read.replanned == recipe.training.replanned == [(4, 25), (9, 18)]
    assert [read.total_steps(10, step) for step in (0, 3, 4, 8, 9, 99)] == [20, 20, 25, 25, 18, 18]
    assert read.total_steps(10) == 18 and read.asked_steps(10) == 30
    assert read.total_steps(8, 4) == 24, "no more than are asked for"
    read.planned_for = "10m"
    assert read.total_steps(10) == read.total_steps(10, 4) == 30, "planned for another time"


@pytest.mark.parametrize(
    ("replanned", "why"),
    [
        ([[5, 3]], "pairs of a step and a larger total, by step"),
        ([[6, 20], [3, 10]], "pairs of a step and a larger total, by step"),
        ([[3, 20], [3, 30]], "pairs of a step and a larger total, by step"),
        ([[3]], "training.replanned.0.1 is not set"),
        ([[3, 4.5]], "training.replanned.0.1 must be a whole number, got 4.5"),
        ([[-1, 3]], "training.replanned.0.0 must be at least 1, got -1"),
        ([3, 5], "training.replanned.0 must be a list, got 3"),
    ],
)
def test_steps_that_cannot_have_been_planned_again_are_refused(replanned: Any, why: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.build({"training": {"max_time": 90, "planned_steps": 20, "replanned": replanned}})
    assert why in caught.value.what
