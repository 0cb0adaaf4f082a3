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
