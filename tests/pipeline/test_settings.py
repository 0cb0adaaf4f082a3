"""Keyword arguments become recipe keys, with the near-miss errors of every other way to give them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from luthier.console import Console
from luthier.errors import LuthierError, RecipeError, SourceError, UsageError
from luthier.findings import Decision
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.settings import TABLES, columns_of, dotted
from luthier.recipe import DataRecipe, Recipe, TrainingRecipe

ROWS = [{"text": "a", "label": 1}]


class Told(Console):
    """Keeps what was decided."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def decision(self, decision: Decision) -> None:
        self.decisions.append(decision)


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
        ({"columns": {"text": "t"}}, {"data.columns": {"text": "t"}}),
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
            "remove one",
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


def test_a_recipe_keeps_what_was_set_and_leaves_the_rest_to_the_task(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    given = Recipe(data=DataRecipe(train=[str(tmp_path / "a.csv")]), training=TrainingRecipe(epochs=2))
    given.training.batch_size = 4
    given.model.name = "minilm"
    before = given.model_copy(deep=True)
    made = build_recipe(given, {"epochs": 5}, tmp_path, Console())
    assert (made.training.epochs, made.training.batch_size, made.model.name) == (5, 4, "minilm")
    assert made.training.model_fields_set == {"epochs", "batch_size"}
    assert given == before


def test_paths_become_absolute_in_every_kind_of_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("text\n")
    Path("recipe.toml").write_text('[data]\ntrain = ["a.csv"]\n')
    expected = [str(tmp_path / "a.csv")]
    for data in ("a.csv", Path("a.csv"), ["a.csv"], "recipe.toml", Recipe(data=DataRecipe(train=["a.csv"]))):
        made = build_recipe(data, {"test": ["b.csv", "org/name"]}, tmp_path, Console())
        assert made.data.train == expected
        assert made.data.test == [str(tmp_path / "b.csv"), "org/name"]
    assert build_recipe("x" * 300, {}, tmp_path, Console()).data.train == ["x" * 300]


def test_one_path_is_enough_for_a_split(tmp_path: Path) -> None:
    assert build_recipe("a.csv", {"validation": "b.csv"}, tmp_path, Console()).data.validation == ["b.csv"]


def test_splits_in_memory_are_files_of_the_recipe(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    told = Told()
    splits = {"train": frame, "dev": frame, "unsupervised": frame}
    made = build_recipe(splits, {"test": ROWS}, tmp_path, told)
    assert made.data.train == [str(tmp_path / "train.parquet")]
    assert made.data.validation == [str(tmp_path / "dev.parquet")]
    assert made.data.test == [str(tmp_path / "test.parquet")]
    assert [(one.what, one.value) for one in told.decisions] == [("ignored", "unsupervised")]
    assert not (tmp_path / "unsupervised.parquet").exists()
    assert build_recipe({"all": frame}, {}, tmp_path, told).data.train == [str(tmp_path / "all.parquet")]


def test_splits_without_a_known_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no split is called train, validation or test: a, b"):
        build_recipe({"a": pd.DataFrame(ROWS), "b": pd.DataFrame(ROWS)}, {}, tmp_path, Console())


def test_a_recipe_file_and_data_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="either one recipe or data"):
        build_recipe(["a.csv", "b.toml"], {}, tmp_path, Console())
