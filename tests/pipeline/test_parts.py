"""Choice of the model, training defaults of models from scratch, and their tokenizer and configuration."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from luthier.api.train import plan
from luthier.console import Console
from luthier.errors import ModelError, RecipeError, UsageError
from luthier.pipeline import parts
from luthier.pipeline.parts import Loaded, choose_model, load_parts, make_parts, with_defaults
from luthier.recipe import Recipe, TrainingRecipe
from luthier.tasks.registry import find
from luthier.tasks.text_classification.task import TextClassification
from tests.conftest import review, review_rows, write_csv
from tests.listener import Listener
from tests.tasks.by_hand import learned, recipe_of


def chosen(task: str = "translation", **settings: Any) -> Recipe:
    """The recipe of a task on a CPU, with the model chosen."""
    recipe = recipe_of(task=task, device="cpu", **settings)
    choose_model(recipe, find(task).family, Console())
    return recipe


def training(**settings: Any) -> TrainingRecipe:
    return with_defaults(chosen(**settings), find("translation"))[0].training


# -- the model -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "made"), [("text-classification", "bert"), ("text-generation", "llama"), ("translation", "t5")]
)
def test_a_model_from_scratch_has_the_default_architecture_of_its_family(task: str, made: str) -> None:
    recipe = recipe_of(task=task, model__from_scratch="tiny")
    (decision,) = choose_model(recipe, find(task).family, Console())
    assert (recipe.model.name, recipe.model.architecture) == (None, made)
    assert decision.what == "model" and made in decision.value and "tiny" in decision.value


def test_an_architecture_of_the_wrong_family_is_an_error_that_lists_the_right_ones() -> None:
    recipe = recipe_of(task="translation", model__from_scratch="tiny", model__architecture="gpt2")
    with pytest.raises(
        UsageError, match="gpt2 belongs to the decoder family, which does not support translation"
    ) as caught:
        choose_model(recipe, "encoder-decoder", Console())
    assert caught.value.where == "model.architecture"
    assert caught.value.hint.endswith("encoder-decoder: bart, t5, marian, pegasus, mbart")


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(ModelError, match="architecture 'bret'") as caught:
        chosen("text-classification", model__from_scratch="tiny", model__architecture="bret")
    assert caught.value.hint == "did you mean 'bert'?"


def test_a_named_model_is_used_and_must_exist(tiny_model: Path) -> None:
    recipe = recipe_of(model__name=str(tiny_model))
    assert choose_model(recipe, "encoder", Console()) == []
    assert recipe.model.name == str(tiny_model)
    with pytest.raises(ModelError, match="no such model directory"):
        choose_model(recipe_of(model__name=f"{tiny_model}-no"), "encoder", Console())


def test_without_a_name_the_default_model_is_used_and_printed(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    monkeypatch.setattr(parts, "default_model", lambda family, device: (str(tiny_model), None, f"{family} on {device}"))
    recipe = recipe_of(device="cpu")
    (decision,) = choose_model(recipe, "encoder", Console())
    assert recipe.model.name == decision.value == str(tiny_model)
    assert decision.why == "encoder on cpu"


def test_if_the_default_model_is_unavailable_a_model_is_made_from_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "default_model", lambda family, device: (None, "small", "the Hub does not answer"))
    recipe = recipe_of(task="text-generation")
    (decision,) = choose_model(recipe, "decoder", Console())
    assert (recipe.model.name, recipe.model.from_scratch, recipe.model.architecture) == (None, "small", "llama")
    assert decision.why == "the Hub does not answer"


def test_a_default_model_that_is_unavailable_cannot_be_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "default_model", lambda family, device: (None, "small", "the Hub does not answer"))
    with pytest.raises(UsageError, match="no pretrained decoder") as caught:
        choose_model(recipe_of(task="text-generation", model__freeze=["*"]), "decoder", Console())
    assert caught.value.where == "model.freeze"


# -- the training settings -------------------------------------------------------------------------------------------


def test_a_new_model_is_trained_longer_and_with_larger_steps_than_a_pretrained_one() -> None:
    found = training(model__from_scratch="small", model__architecture="bart")
    assert (found.optimizer, found.learning_rate, found.warmup_ratio, found.epochs) == ("adamw", 5e-4, 0.1, 10)
    usual = TrainingRecipe()
    assert found.learning_rate > usual.learning_rate and found.epochs > usual.epochs


def test_a_new_t5_is_trained_as_t5_was() -> None:
    found = training(model__from_scratch="tiny")
    assert (found.optimizer, found.learning_rate, found.weight_decay) == ("adafactor", 1e-2, 0.0)
    other = training(model__from_scratch="tiny", training__optimizer="adamw")
    assert (other.optimizer, other.learning_rate) == ("adamw", 1e-3), "the rate is of the optimizer"


def test_what_the_user_says_stands() -> None:
    found = training(model__from_scratch="tiny", training__learning_rate=3e-3, training__epochs=2)
    assert (found.learning_rate, found.epochs) == (3e-3, 2)
    steps = training(model__from_scratch="tiny", training__warmup_steps=7)
    assert (steps.warmup_steps, steps.warmup_ratio) == (7, 0)
    constant = training(model__from_scratch="tiny", training__lr_scheduler_type="constant")
    assert constant.warmup_ratio == 0


def test_a_pretrained_model_has_the_training_defaults_of_its_task(tiny_model: Path) -> None:
    kind = find("chat")
    recipe, decisions = with_defaults(recipe_of(model__name=str(tiny_model), training__epochs=7), kind)
    assert decisions == []
    assert recipe.evaluation.generated_rows == kind.defaults["evaluation.generated_rows"] == 50
    assert recipe.training.epochs == 7


def test_it_is_said(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "pairs.csv", [{"en": review("good", i), "de": review("bad", i)} for i in range(40)])
    told = Listener()
    plan([str(data)], console=told, task="translation", from_scratch="tiny", max_steps=5, precision="fp32")
    (line,) = [decision for decision in told.decisions if decision.what == "training"]
    assert line.value == "adafactor, learning rate 0.01, 10 epochs and at most 5 steps"
    (epochs,) = with_defaults(chosen(model__from_scratch="tiny"), find("translation"))[1]
    assert epochs.value == "adafactor, learning rate 0.01, 10 epochs"


# -- configuration and tokenizer -------------------------------------------------------------------------------------


def test_the_parts_of_a_pretrained_model_are_loaded_unless_its_tokenizer_is_new(tiny_model: Path) -> None:
    recipe = recipe_of(model__name=str(tiny_model))
    loaded = load_parts(recipe, "encoder")
    task, examples = learned(TextClassification, review_rows(4))
    config, tokenizer, decisions = make_parts(loaded, task, Dataset.from_dict(examples), recipe)
    assert config.model_type == "bert" and config.vocab_size == len(tokenizer)
    assert tokenizer("great").tokens() == ["[CLS]", "great", "[SEP]"]
    assert decisions == []
    renewed = load_parts(recipe_of(model__name=str(tiny_model), model__fresh_tokenizer=True), "encoder")
    assert renewed.config is not None and renewed.tokenizer is None
    assert load_parts(chosen(model__from_scratch="tiny"), "encoder-decoder") == Loaded(None, None)


def test_embeddings_for_tokens_that_the_model_lacks_are_a_decision(tiny_model: Path) -> None:
    recipe = recipe_of(model__name=str(tiny_model))
    loaded = load_parts(recipe, "encoder")
    assert loaded.tokenizer is not None
    loaded.tokenizer.add_tokens(["<a>", "<b>"])
    task, examples = learned(TextClassification, review_rows(4))
    _, _, (decision,) = make_parts(loaded, task, Dataset.from_dict(examples), recipe)
    assert (decision.what, decision.value) == ("embeddings", "2 new")


def test_a_model_from_scratch_gets_a_tokenizer_trained_on_the_training_rows_and_the_labels() -> None:
    task, examples = learned(TextClassification, review_rows(40))
    recipe = chosen("text-classification", model__from_scratch="tiny", model__vocabulary_size=300)
    loaded = load_parts(recipe, "encoder")
    config, tokenizer, (decision,) = make_parts(loaded, task, Dataset.from_dict(examples), recipe)
    assert config.model_type == "bert" and config.vocab_size == len(tokenizer) <= 300
    assert (config.num_labels, config.id2label) == (2, {0: "bad", 1: "good"})
    assert tokenizer.unk_token_id not in tokenizer(examples["text"][0])["input_ids"]
    assert tokenizer.unk_token_id in tokenizer("ß")["input_ids"]
    assert (decision.what, decision.value) == ("tokenizer", f"wordpiece, {len(tokenizer)} tokens")
    assert decision.why.startswith("trained on the 40 training rows; 300 requested, but no further pair")


def test_a_new_model_takes_a_kind_of_tokenizer_or_a_saved_one(tmp_path: Path) -> None:
    task, examples = learned(TextClassification, review_rows(40))
    rows = Dataset.from_dict(examples)
    recipe = chosen("text-classification", model__from_scratch="tiny", model__tokenizer="char")
    _, made, (decision,) = make_parts(load_parts(recipe, "encoder"), task, rows, recipe)
    assert decision.value == f"char, {len(made)} tokens" and made("so").tokens() == ["[CLS]", "s", "o", "[SEP]"]
    made.save_pretrained(tmp_path / "saved")
    recipe = chosen("text-classification", model__from_scratch="tiny", model__tokenizer=str(tmp_path / "saved"))
    config, taken, (decision,) = make_parts(load_parts(recipe, "encoder"), task, rows, recipe)
    assert taken.get_vocab() == made.get_vocab() and config.vocab_size == len(made)
    assert (decision.value, decision.why) == (f"{tmp_path / 'saved'}, {len(made)} tokens", "as requested")


def test_of_many_texts_an_even_part_trains_the_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    task, examples = learned(TextClassification, review_rows(40))
    recipe = chosen("text-classification", model__from_scratch="tiny", model__tokenizer="word")
    monkeypatch.setattr(parts, "ENOUGH", sum(map(len, examples["text"])) // 2)
    *_, (decision,) = make_parts(load_parts(recipe, "encoder"), task, Dataset.from_dict(examples), recipe)
    assert decision.why.startswith("trained on one in 2 texts of the 40 training rows; ")


def test_a_fresh_tokenizer_says_which_tokens_keep_their_embeddings(tiny_model: Path) -> None:
    task, examples = learned(TextClassification, review_rows(40))
    recipe = recipe_of(model__name=str(tiny_model), model__fresh_tokenizer=True, model__tokenizer=str(tiny_model))
    loaded = load_parts(recipe, "encoder")
    _, tokenizer, (_, decision) = make_parts(loaded, task, Dataset.from_dict(examples), recipe)
    assert decision.what == "embeddings"
    assert decision.value == f"{len(tokenizer)} of {len(tokenizer)} tokens kept"


def test_a_model_without_a_tokenizer_gets_one_with_new_embeddings(tiny_model: Path, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(tiny_model, tmp_path / "bare"))
    for file in bare.glob("token*"):
        file.unlink()
    task, examples = learned(TextClassification, review_rows(40))
    recipe = recipe_of(model__name=str(bare), model__fresh_tokenizer=True, model__tokenizer="char")
    loaded = load_parts(recipe, "encoder")
    _, tokenizer, (_, decision) = make_parts(loaded, task, Dataset.from_dict(examples), recipe)
    assert decision.value == f"0 of {len(tokenizer)} tokens kept"


def test_a_fresh_tokenizer_keeps_the_configuration_of_a_pretrained_model(tiny_model: Path) -> None:
    task, examples = learned(TextClassification, review_rows(40))
    recipe = recipe_of(model__name=str(tiny_model), model__fresh_tokenizer=True, model__vocabulary_size=100)
    config, tokenizer, _ = make_parts(load_parts(recipe, "encoder"), task, Dataset.from_dict(examples), recipe)
    assert (config.model_type, config.hidden_size) == ("bert", 32)
    assert len(tokenizer) <= 100
    assert tokenizer("great").tokens()[0] == "[CLS]"


# -- settings that a task does not use -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "shape", "settings"),
    [
        ("text-classification", "single/one", {"generation__num_beams": 4}),
        ("text-classification", "single/one", {"data__stride": 8}),
        ("text-classification", "pair/number", {"evaluation__threshold": 0.3}),
        ("text-classification", "single/several", {"data__positive_label": "joy"}),
        ("text-classification", "single/number", {"training__class_weights": "balanced"}),
        ("token-classification", "tokens", {"training__class_weights": {"O": 0.1}}),
        ("question-answering", "answerable", {"data__label_all_subwords": True}),
        ("chat", "messages", {"data__max_target_length": 20}),
        ("translation", "en-de", {"evaluation__threshold": 0.3}),
        ("token-classification", "tokens", {"evaluation__generated_rows": 3}),
    ],
)
def test_a_setting_that_the_task_does_not_use_is_refused(task: str, shape: str, settings: dict[str, Any]) -> None:
    (key,) = settings
    recipe = recipe_of(task=task, data__shape=shape, **settings)
    with pytest.raises(RecipeError, match=f"task {task} does not use {key.replace('__', '.')}"):
        with_defaults(recipe, find(task))


@pytest.mark.parametrize("task", ["text-classification", "token-classification", "creative-writing", "summarization"])
def test_a_written_recipe_is_taken_again(task: str) -> None:
    shape = next(iter(find(task).shapes), "")
    recipe, _ = with_defaults(recipe_of(task=task, data__shape=shape), find(task))
    again, decisions = with_defaults(Recipe.build(recipe.model_dump()), find(task))
    assert again == recipe and decisions == []


def test_sampling_that_the_temperature_implies_is_a_decision() -> None:
    recipe, (decision,) = with_defaults(recipe_of(task="translation", generation__temperature=0.7), find("translation"))
    assert recipe.generation.do_sample is True
    assert (decision.what, decision.value, decision.why) == ("sampling", "on", "temperature is 0.7")
