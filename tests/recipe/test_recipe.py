"""The recipe as a whole: its file, settings that contradict each other, bounds."""

import re
from pathlib import Path
from typing import Any

import pytest

from luthier.errors import RecipeError
from luthier.recipe import END, Recipe, read_toml

Values = dict[str, Any]


def test_a_recipe_file_is_complete_ends_with_its_mark_and_is_read_back(tmp_path: Path) -> None:
    training = {"class_weights": {"a b": 2.0}, "groups": [{"match": "classifier.*", "learning_rate": 1e-3}]}
    recipe = Recipe.build({"seed": 7, "data": {"train": ["ä.csv"]}, "training": training, "model": {"adapter": {}}})
    written = recipe.to_toml()
    assert written.splitlines()[-1] == END
    assert {key.rpartition(".")[2] for key in Recipe.known_keys()} <= set(re.findall(r"\w+", written))
    file = tmp_path / "recipe.toml"
    file.write_text(written, encoding="utf-8")
    assert Recipe.load(file) == Recipe.load(str(file)) == recipe


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(b"\xef\xbb\xbfseed = 3\r\n[training]\r\nepochs = 2\r\n")
    assert read_toml(file) == {"seed": 3, "training": {"epochs": 2}}


@pytest.mark.parametrize(
    ("name", "content", "what", "hint"),
    [
        ("none.toml", None, "cannot be read: No such file", "--dry-run` prints a recipe to start from"),
        (".", None, "cannot be read: Is a directory", "--dry-run` prints a recipe to start from"),
        ("r.toml", b"seed = \xff", "not UTF-8 text", "save it as UTF-8"),
        ("r.toml", b"seed = ", "not valid TOML", 'key = 1 or key = "text", tables as [training]'),
        ("r.toml", b"seed = -1", "seed must be at least 0, got -1", "seed for splits"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_by_its_name(
    name: str, content: bytes | None, what: str, hint: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        Recipe.load(file)
    assert what in caught.value.what
    assert caught.value.where == str(file)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("table", "values", "what"),
    [
        ("model", {"from_scratch": "tiny", "name": "minilm"}, "from_scratch and name (minilm) exclude each other"),
        ("model", {"from_scratch": "tiny", "freeze": ["a.*"]}, "from_scratch and freeze exclude each other"),
        ("model", {"architecture": "bert"}, "set from_scratch too"),
        ("model", {"vocabulary_size": 500}, "set from_scratch or fresh_tokenizer too"),
        ("model", {"tokenizer": "char"}, "set from_scratch or fresh_tokenizer too"),
        (
            "model",
            {"from_scratch": "tiny", "tokenizer": "mine", "vocabulary_size": 500},
            "vocabulary_size and a saved tokenizer (mine) exclude each other",
        ),
        ("training", {"warmup_ratio": 0.1, "warmup_steps": 3}, "warmup_ratio and warmup_steps are both set"),
        ("training", {"lr_scheduler_type": "constant", "warmup_steps": 3}, "use constant_with_warmup"),
        ("training", {"lr_scheduler_type": "constant", "warmup_ratio": 0.1}, "use constant_with_warmup"),
        ("training", {"lr_scheduler_type": "constant", "lr_scheduler_kwargs": {"a": 1.0}}, "takes no warm-up and no"),
        ("training", {"early_stopping_patience": 2, "eval_strategy": "no"}, "eval_strategy is no"),
        ("training", {"gradient_accumulation_steps": 5, "batch_size": 4}, "(5) is above batch_size (4)"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(table: str, values: Values, what: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.build({table: values}, where="r.toml")
    assert what in caught.value.what
    assert (caught.value.where, caught.value.hint) == (f"r.toml, [{table}]", "change one of the two settings")


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("model", {"from_scratch": "tiny", "architecture": "bert", "vocabulary_size": 500}),
        ("model", {"from_scratch": "tiny", "tokenizer": "char", "vocabulary_size": 500}),
        ("model", {"name": "minilm", "fresh_tokenizer": True, "tokenizer": "mine"}),
        ("model", {"name": "minilm", "fresh_tokenizer": True, "vocabulary_size": 500, "freeze": ["a.*"]}),
        ("training", {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 3}),
        ("training", {"warmup_ratio": 0.1, "warmup_steps": 0}),
        ("training", {"early_stopping_patience": 2, "eval_strategy": "steps"}),
        ("training", {"gradient_accumulation_steps": 4, "batch_size": 4}),
    ],
)
def test_settings_that_go_together_are_kept(table: str, values: Values) -> None:
    assert getattr(Recipe.build({table: values}), table).model_dump(include=set(values)) == values


@pytest.mark.parametrize(
    ("table", "key", "good", "bad"),
    [
        ("data", "validation_share", [0, 0.99], [-0.1, 1.0]),
        ("data", "train_rows", [1], [0]),
        ("data", "max_length", [4], [3]),
        ("data", "max_target_length", [2], [1]),
        ("data", "stride", [0], [-1]),
        ("model", "dropout", [0, 0.9], [-0.1, 1.0]),
        ("training", "epochs", [0.1], [0, -1, float("inf")]),
        ("training", "learning_rate", [1e-9], [0, float("nan")]),
        ("training", "batch_size", [1], [0, 1.5]),
        ("training", "label_smoothing", [0, 0.9], [1.0]),
        ("evaluation", "resamples", [100], [99]),
        ("evaluation", "generated_rows", [0], [-1]),
        ("generation", "top_p", [0.01, 1.0], [0.0, 1.1]),
        ("generation", "temperature", [0.0, 0.01], [-0.01]),
    ],
)
def test_a_number_stays_within_its_bounds(table: str, key: str, good: list[float], bad: list[float]) -> None:
    for value in good:
        assert Recipe.build({table: {key: value}}).flatten()[f"{table}.{key}"] == value
    for value in bad:
        with pytest.raises(RecipeError, match=rf"{table}\.{key} must be"):
            Recipe.build({table: {key: value}})


def test_a_seed_has_32_bits() -> None:
    assert Recipe.build({"seed": 2**32 - 1}).seed == 4_294_967_295
    for seed in (-1, 2**32):
        with pytest.raises(RecipeError, match="seed must be"):
            Recipe.build({"seed": seed})


def test_recipes_share_no_table() -> None:
    recipe = Recipe()
    recipe.data.train.append("a.csv")
    recipe.training.lr_scheduler_kwargs["power"] = 2.0
    assert (Recipe().data.train, Recipe().training.lr_scheduler_kwargs) == ([], {})
