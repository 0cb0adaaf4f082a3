"""Keyword arguments become recipe keys, with the near-miss errors of every other way to give them."""

from typing import Any

import pytest

from luthier.errors import LuthierError, RecipeError, UsageError
from luthier.pipeline.settings import TABLES, columns_of, dotted, place


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
        ({"text": 3}, UsageError, "text must be a column or a list of columns, got 3", "text=", "name columns"),
        ({"label": ["a", 3]}, UsageError, r"label must be .*, got \['a', 3\]", "label=", "name columns"),
        ({"columns": 3}, UsageError, "columns must map roles to columns, got 3", "columns=", "columns={"),
        ({"valid": [{"text": "a"}] * 99}, RecipeError, "no recipe key 'valid'", "valid=", "use validation=VALUE"),
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


def test_the_place_of_a_key_is_the_setting_that_the_caller_wrote() -> None:
    settings = {"max_steps": 3, "training.epochs": 1, "text": ["a", "b"], "evaluation": {"resamples": 100}, "seed": 1}
    of = place(settings, "r.toml")
    assert [of(key) for key in ("training.max_steps", "training.epochs", "data.columns.text_pair", "seed")] == [
        *("max_steps=", "training.epochs=", "text=", "seed=")
    ]
    assert (of("evaluation.resamples"), of("training.batch_size")) == ("evaluation=", "r.toml")
    assert place({"class_weights": {"a": "x"}}, "")("training.class_weights.a") == "class_weights="


def test_no_table_of_a_recipe_is_forgotten() -> None:
    assert TABLES == ["data", "model", "training", "fast", "evaluation", "generation", "tracking"]


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
