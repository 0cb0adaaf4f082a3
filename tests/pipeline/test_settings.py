"""Keyword arguments become recipe keys, with the near-miss errors of every other way to give them."""

from typing import Any

import pytest

from luthier.errors import LuthierError, RecipeError, UsageError
from luthier.pipeline.settings import TABLES, columns_of, dotted


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"epochs": 1, "model": "minilm", "seed": 7}, {"training.epochs": 1, "model.name": "minilm", "seed": 7}),
        ({"training": {"epochs": 1, "max_steps": 2}}, {"training.epochs": 1, "training.max_steps": 2}),
        ({"model": {"name": "minilm"}}, {"model.name": "minilm"}),
        ({"training.epochs": 1, "data.columns.text": "t"}, {"training.epochs": 1, "data.columns.text": "t"}),
        ({"text": "title"}, {"data.columns.text": "title"}),
        ({"text": ["title", "body"]}, {"data.columns.text": "title", "data.columns.text_pair": "body"}),
        ({"label": "stars"}, {"data.columns.label": "stars"}),
        ({"label": ["joy", "fear"]}, {"data.columns.labels": ["joy", "fear"]}),
        ({"label": "y", "columns": {"text": "t"}}, {"data.columns.label": "y", "data.columns.text": "t"}),
        (
            {"class_weights": {"a": 2.0}, "max_steps": None},
            {"training.class_weights": {"a": 2.0}, "training.max_steps": None},
        ),
    ],
)
def test_settings_are_recipe_keys(settings: dict[str, Any], found: dict[str, Any]) -> None:
    assert dotted(settings) == found


@pytest.mark.parametrize(
    ("settings", "error", "what", "where", "hint"),
    [
        (
            {"lerning_rate": 1},
            RecipeError,
            "no recipe key 'lerning_rate'",
            "lerning_rate=",
            "did you mean 'learning_rate'?",
        ),
        (
            {"training": {"epoch": 1}},
            RecipeError,
            "no recipe key 'training.epoch'",
            "training=",
            "did you mean 'epochs'?",
        ),
        (
            {"training.epoch": 1},
            RecipeError,
            "no recipe key 'training.epoch'",
            "training.epoch=",
            "did you mean 'epochs'?",
        ),
        ({"training": 3}, RecipeError, "training is a table, not a value", "training=", 'training={"key": value}'),
        (
            {"epochs": 1, "training": {"epochs": 2}},
            UsageError,
            "training.epochs is set twice",
            "training=",
            "remove one of the two",
        ),
        (
            {"text": "a", "columns": {"text": "b"}},
            UsageError,
            "data.columns.text is set twice",
            "columns=",
            "remove one of the two",
        ),
        ({"text": ["a", "b", "c"]}, UsageError, "text takes at most two columns", "text a,b,c", "--column"),
    ],
)
def test_a_mistake_is_answered_with_the_way_out(
    settings: dict[str, Any], error: type[LuthierError], what: str, where: str, hint: str
) -> None:
    with pytest.raises(error, match=what) as caught:
        dotted(settings)
    assert caught.value.where == where
    assert hint in caught.value.hint


def test_no_table_of_a_recipe_is_forgotten() -> None:
    assert TABLES == ["data", "model", "training", "evaluation", "generation"]


def test_columns_that_are_not_named_stay_open() -> None:
    assert columns_of() == {}


def test_text_and_label_take_one_column_or_several() -> None:
    assert columns_of("body", "stars") == {"data.columns.text": "body", "data.columns.label": "stars"}
    assert columns_of(["body"], ["stars"]) == columns_of("body", "stars")
    assert columns_of(("a", "b"), ("joy", "fear")) == {
        "data.columns.text": "a",
        "data.columns.text_pair": "b",
        "data.columns.labels": ["joy", "fear"],
    }
