"""The table `training`: micro-batches, checkpoints that are kept."""

from typing import Any

import pytest

from luthier.errors import RecipeError
from luthier.recipe import Recipe, TrainingRecipe

Values = dict[str, Any]


@pytest.mark.parametrize(("batch", "parts", "micro"), [(16, 1, 16), (16, 4, 4), (7, 2, 4), (7, 3, 3), (5, 5, 1)])
def test_a_micro_batch_is_its_part_of_the_batch_rounded_up(batch: int, parts: int, micro: int) -> None:
    recipe = TrainingRecipe(batch_size=batch, gradient_accumulation_steps=parts)
    assert recipe.micro_batch_size == micro


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
