"""The recipe of a call: what was set is kept, paths become absolute, and data in memory becomes files."""

from pathlib import Path

import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

from luthier.console import Console
from luthier.errors import RecipeError, SourceError, UsageError
from luthier.pipeline.recipes import build_recipe, specs_of, with_changes
from luthier.recipe import DataRecipe, Recipe, TrainingRecipe
from tests.listener import Listener

ROWS = [{"text": "a", "label": 1}]


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


def test_an_empty_list_is_no_data_but_no_split_where_it_is_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there are no rows: the list is empty"):
        build_recipe([], {}, tmp_path, Console())
    assert build_recipe("a.csv", {"validation": []}, tmp_path, Console()).data.validation == []


def test_a_plan_stays_only_with_the_recipe_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('[training]\nmax_time = "10m"\nplanned_steps = 7\nplanned_for = "10m"\nreplanned = [[3, 9]]\n')
    for given in (file, Recipe.load(file)):
        kept = build_recipe(given, {}, tmp_path, Console())
        changed = build_recipe(given, {"batch_size": 4}, tmp_path, Console())
        set_anew = build_recipe(given, {"max_time": "5m", "planned_steps": 3}, tmp_path, Console())
        assert [one.training.planned for one in (kept, changed, set_anew)] == [7, None, 3]
        assert changed.training.max_time == "10m"
        assert [one.training.replanned for one in (kept, changed, set_anew)] == [[(3, 9)], [], []]


def test_settings_override_the_recipe_file_and_errors_name_it(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text("seed = 3\n[training]\nepochs = 2\nbatch_size = 4\n")
    made = build_recipe(file, {"epochs": 5}, tmp_path, Console())
    assert (made.seed, made.training.epochs, made.training.batch_size) == (3, 5, 4)
    with pytest.raises(RecipeError, match=r"training\.epochs must be a number, got 'x'") as caught:
        build_recipe(file, {"epochs": "x"}, tmp_path, Console())
    assert caught.value.where == "epochs="
    file.write_text("[training]\nepoch = 2\n")
    with pytest.raises(RecipeError) as caught:
        build_recipe(file, {}, tmp_path, Console())
    assert str(file) in caught.value.where


def test_splits_in_memory_are_files_of_the_recipe(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    told = Listener()
    splits = {"train": frame, "dev": frame, "unsupervised": frame}
    made = build_recipe(splits, {"test": ROWS}, tmp_path, told)
    assert made.data.train == [str(tmp_path / "train.parquet")]
    assert made.data.validation == [str(tmp_path / "dev.parquet")]
    assert made.data.test == [str(tmp_path / "test.parquet")]
    assert [(one.what, one.value) for one in told.decisions] == [("ignored", "unsupervised")]
    assert not (tmp_path / "unsupervised.parquet").exists()
    assert build_recipe({"all": frame}, {}, tmp_path, told).data.train == [str(tmp_path / "all.parquet")]


def test_rows_may_be_given_by_split(tmp_path: Path) -> None:
    made = specs_of({"train": ROWS, "test": ROWS[:1]}, tmp_path, Console())
    assert made == {split: [str(tmp_path / f"{split}.parquet")] for split in ("train", "test")}
    assert pd.read_parquet(tmp_path / "test.parquet").to_dict("records") == ROWS[:1]
    objects = {"translation": [{"en": "a", "de": "b"}]}
    assert specs_of(objects, tmp_path, Console()).keys() == {"train"}, "a column of objects"


def test_a_table_in_memory_belongs_to_the_split_it_was_passed_as(tmp_path: Path) -> None:
    alone = Dataset.from_list(ROWS)
    assert specs_of(alone, tmp_path, Console(), "test") == {"test": [str(tmp_path / "test.parquet")]}
    assert specs_of(DatasetDict(other=alone), tmp_path, Console(), "validation") == {
        "validation": [str(tmp_path / "other.parquet")]
    }
    assert pd.read_parquet(tmp_path / "other.parquet").to_dict("records") == ROWS
    assert specs_of(["a.csv", Path("b.csv")], tmp_path, Console()) == {"train": ["a.csv", "b.csv"]}


def test_splits_without_a_known_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no split is called train, validation or test: a, b"):
        build_recipe({"a": pd.DataFrame(ROWS), "b": pd.DataFrame(ROWS)}, {}, tmp_path, Console())


def test_a_recipe_file_and_data_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="either one recipe or data"):
        build_recipe(["a.csv", "b.toml"], {}, tmp_path, Console())


@pytest.mark.parametrize(
    ("table", "changes", "left"),
    [
        ("from_scratch = 'tiny'\narchitecture = 'bert'\nvocabulary_size = 200", {}, {}),
        ("name = 'a'\nfresh_tokenizer = true\nvocabulary_size = 200", {}, {"fresh_tokenizer", "vocabulary_size"}),
        (
            "name = 'a'\nfresh_tokenizer = true\nvocabulary_size = 200",
            {"fresh_tokenizer": False},
            {"fresh_tokenizer"},
        ),
        ("from_scratch = 'tiny'\ntokenizer = 'char'", {}, {}),
        ("name = 'a'\nfresh_tokenizer = true\ntokenizer = 'char'", {}, {"fresh_tokenizer", "tokenizer"}),
        ("dropout = 0.2", {}, {"dropout"}),
    ],
)
def test_a_named_model_takes_the_place_of_a_new_one(
    table: str, changes: dict[str, bool], left: set[str], tmp_path: Path
) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(f"[model]\n{table}\n")
    made = build_recipe(str(file), {"model": "minilm", **changes}, tmp_path, Console()).model
    assert made.name == "minilm" and made.model_fields_set == {"name", *left}


def test_a_saved_tokenizer_is_found_from_any_directory_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    found = {
        name: build_recipe("a.csv", {"from_scratch": "tiny", "tokenizer": name}, tmp_path, Console()).model.tokenizer
        for name in ("mine", "char", "minilm", "google-t5/t5-small")
    }
    assert found.pop("mine") == str(tmp_path / "mine")
    assert all(name == kept for name, kept in found.items())


def test_a_recipe_whose_model_is_no_table_is_still_refused_as_such(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('model = "minilm"\n')
    with pytest.raises(RecipeError):
        build_recipe(str(tmp_path / "recipe.toml"), {"model": "minilm"}, tmp_path, Console())


def test_changes_leave_open_what_was_open() -> None:
    recipe = Recipe()
    recipe.data.split_seed = 3  # set after it was built
    changed = with_changes(recipe, {"training.epochs": 2, "seed": 7})
    assert (changed.seed, changed.training.epochs, changed.split_seed) == (7, 2, 3)
    assert changed.training.is_open("learning_rate") and recipe.seed == 42
    with pytest.raises(RecipeError):
        with_changes(recipe, {"training.epochs": -1})
