"""The tables `evaluation` and `generation`: thresholds, directions."""

from typing import Any

import pytest

from luthier.errors import RecipeError
from luthier.recipe import EvaluationRecipe, Recipe

Values = dict[str, Any]


@pytest.mark.parametrize("value", [0.01, 0.99, "f1", "precision=0.9", "recall=.75", "precision=1", "recall=1.0"])
def test_a_threshold_is_a_number_or_an_aim(value: float | str) -> None:
    assert Recipe.build({"evaluation": {"threshold": value}}).evaluation.threshold == value
    assert Recipe.build({"evaluation": {"threshold": "0.7"}}).evaluation.threshold == 0.7
    assert Recipe.build({"evaluation": {"threshold": "Recall = 0.9"}}).evaluation.threshold == "recall=0.9"


@pytest.mark.parametrize("value", [0.0, 1.0, "1.5", "nan", "f2", "precision", "precision=2", "recall=-1", None, True])
def test_another_threshold_is_refused(value: object) -> None:
    with pytest.raises(RecipeError, match="set a number between 0 and 1, f1, precision="):
        Recipe.build({"evaluation": {"threshold": value}})


def test_the_metric_mode_is_a_direction() -> None:
    assert EvaluationRecipe().greater_is_better is None
    assert EvaluationRecipe(metric_mode="max").greater_is_better is True
    assert EvaluationRecipe(metric_mode="min").greater_is_better is False
