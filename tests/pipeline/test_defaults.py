"""The training settings that follow from the data and the model: each rule, and that a setting overrides it."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig, GPT2Config, PretrainedConfig

from luthier.pipeline import defaults
from luthier.pipeline.defaults import ENOUGH_STEPS, EPOCHS, LEAST_STEPS, MOST_EPOCHS, Basis, decide_training
from luthier.recipe import Recipe
from luthier.tasks.registry import find
from tests.conftest import PLAIN
from tests.tasks.by_hand import recipe_of

TINY = BertConfig(vocab_size=100, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
SMALL_DECODER = GPT2Config(vocab_size=100, n_embd=8, n_layer=1, n_head=2)


def basis(rows: int = 2_000, validation: int = 200, *, task: str = "text-classification", **more: Any) -> Basis:
    config = SMALL_DECODER if task == "text-generation" else TINY
    config, one_label = more.get("config", config), more.get("one_label", False)
    return Basis(find(task), rows, 20.0, validation, "accuracy", config, one_label)


def decided(on: Basis, **settings: Any) -> tuple[Recipe, dict[str, str]]:
    """The recipe, and the value of each decision by its name."""
    recipe, decisions = decide_training(recipe_of(**{"model__name": "a model", **settings}), on)
    return recipe, {decision.what: decision.value for decision in decisions}


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [
        (1, 8, 20),  # no more than 20 epochs, whatever the steps
        (50, 8, 20),
        (200, 8, 8),  # 25 steps each: 8 epochs have 200
        (500, 8, 4),
        (999, 8, 3),
        (1_000, 16, 4),
        (2_000, 16, 3),
        (19_999, 16, 3),
        (20_000, 32, 3),
        (213_312, 32, 3),  # 6,666 steps each, 19,998 in all
        (213_313, 32, 2),
        (400_000, 32, 1),
        (10_000_000, 32, 1),
    ],
)
def test_few_rows_get_small_batches_and_many_epochs(rows: int, batch_size: int, epochs: int) -> None:
    recipe, said = decided(basis(rows))
    assert (recipe.training.batch_size, recipe.training.epochs) == (batch_size, epochs)
    assert (said["batch size"], said["epochs"]) == (str(batch_size), str(epochs))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (8, "of 1 step each; fine-tuning needs about 200 steps, 20 epochs at most"),
        (72, "of 9 steps each; fine-tuning needs about 200 steps, 20 epochs at most"),
        (80, "of 10 steps each; fine-tuning needs about 200 steps"),
        (2_000, "the usual number"),
        (400_000, "with 12,500 steps each; many rows need fewer passes"),
    ],
)
def test_the_reason_for_the_epochs_is_the_one_that_decides(rows: int, why: str) -> None:
    _, decisions = decide_training(recipe_of(model__name="a model"), basis(rows))
    assert [one.why for one in decisions if one.what == "epochs"] == [why]


def test_steps_that_were_asked_for_are_reached() -> None:
    recipe, decisions = decide_training(recipe_of(model__name="a model", training__max_steps=1_001), basis(80))
    assert recipe.training.epochs == 101
    assert recipe.training.total_steps(10) == 1_001
    assert "for the 1,001 steps that were asked for" in next(one.why for one in decisions if one.what == "epochs")
    assert decided(basis(80), training__max_steps=5)[0].training.epochs == decided(basis(80))[0].training.epochs


@given(rows=st.integers(1, 3_000_000), batch_size=st.none() | st.integers(1, 512))
def test_the_steps_are_enough_and_not_too_many(rows: int, batch_size: int | None) -> None:
    given_size = {} if batch_size is None else {"training__batch_size": batch_size}
    training = decided(basis(rows), **given_size)[0].training
    per_epoch = -(-rows // training.batch_size)
    steps = training.epochs * per_epoch
    assert 1 <= training.epochs <= MOST_EPOCHS and training.epochs == int(training.epochs)
    assert steps >= LEAST_STEPS or training.epochs == MOST_EPOCHS
    assert steps <= ENOUGH_STEPS or training.epochs == 1
    assert training.epochs <= EPOCHS or steps - per_epoch < LEAST_STEPS, "one epoch less would be too few"
    assert training.epochs >= EPOCHS or steps + per_epoch > ENOUGH_STEPS, "one epoch more would be too many"


@pytest.mark.parametrize(
    ("shape", "rate"),
    [
        ({"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 16}, 2e-4),  # the highest
        ({"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1_536}, 1e-4),  # MiniLM, 22.7 M
        ({"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3_072}, 5e-5),  # BERT base, 110 M
        ({"hidden_size": 1_024, "num_hidden_layers": 24, "intermediate_size": 4_096}, 3e-5),  # BERT large, 335 M
        ({"hidden_size": 4_096, "num_hidden_layers": 36, "intermediate_size": 16_384}, 1e-5),  # the lowest
    ],
)
def test_larger_models_take_smaller_rates(shape: dict[str, int], rate: float) -> None:
    config = BertConfig(num_attention_heads=shape["hidden_size"] // 4, **shape)
    recipe, said = decided(basis(config=config))
    assert recipe.training.learning_rate == rate
    assert said["learning rate"] == f"{rate:g}"


@pytest.mark.parametrize(
    ("rows", "tolerance", "patience"), [(0, 0.0, 0), (1, 2.0, 0), (49, 2.0, 0), (50, 0.04, 5), (900, 0.01, 5)]
)
def test_the_fewer_validation_rows_the_less_they_tell_checkpoints_apart(
    rows: int, tolerance: float, patience: int
) -> None:
    recipe, said = decided(basis(validation=rows))
    assert recipe.evaluation.best_tolerance == tolerance
    assert recipe.training.early_stopping_patience == patience
    assert ("early stopping" in said) is (patience > 0)
    within = f"the last one whose accuracy is within {tolerance:g} of the highest"
    assert said.get("best checkpoint") == (None if not rows else "the last one" if rows < 50 else within)


def test_validation_rows_of_one_class_choose_no_checkpoint_and_stop_nothing() -> None:
    """The first checkpoints of a model often answer the same for every row, which here would be perfect."""
    recipe, decisions = decide_training(recipe_of(model__name="a model"), basis(one_label=True))
    assert recipe.evaluation.best_tolerance == 2 and recipe.training.early_stopping_patience == 0
    (best,) = (one for one in decisions if one.what == "best checkpoint")
    assert best.value == "the last one"
    assert best.why == "200 validation rows with the same label cannot tell checkpoints apart"


def test_a_metric_of_the_user_may_not_be_a_share() -> None:
    recipe, said = decided(basis(), evaluation__metric_for_best="loss")
    assert recipe.evaluation.best_tolerance == 0 and "best checkpoint" not in said
    assert said["early stopping"] == "after 5 evaluations in a row"


def test_a_tenth_of_the_steps_is_a_warm_up_and_lies_between_evaluations_and_checkpoints() -> None:
    recipe, said = decided(basis())
    training = recipe.training
    assert (training.warmup_ratio, training.eval_steps, training.save_steps) == (0.1, 0.1, 0.1)
    assert (training.eval_strategy, training.save_strategy) == ("steps", "steps")
    assert (said["warm-up"], said["evaluation"]) == ("10.0 % of the steps", "every 10.0 % of the steps")


def test_without_validation_rows_no_evaluation_is_announced() -> None:
    assert "evaluation" not in decided(basis(validation=0))[1]


SET = {  # key, to a value that no rule decides, and the decision that is not made
    "batch_size": (7, "batch size"),
    "epochs": (1.5, "epochs"),
    "learning_rate": (3e-3, "learning rate"),
    "warmup_ratio": (0.0, "warm-up"),
    "eval_strategy": ("epoch", "evaluation"),
    "save_strategy": ("epoch", None),
    "early_stopping_patience": (4, "early stopping"),
}


@pytest.mark.parametrize("key", SET)
def test_what_is_set_is_kept_and_not_announced(key: str) -> None:
    value, what = SET[key]
    bare, said = decided(basis())
    recipe, others = decided(basis(), **{f"training__{key}": value})
    assert getattr(recipe.training, key) == value != getattr(bare.training, key)
    assert said.keys() - others.keys() == ({what} if what else set())


def test_what_is_set_is_not_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "parameters_of", lambda config: pytest.fail("the rate is set"))
    assert decided(basis(), training__learning_rate=3e-3)[0].training.learning_rate == 3e-3


def test_early_stopping_can_be_turned_off() -> None:
    recipe, said = decided(basis(), training__early_stopping_patience=0)
    assert recipe.training.early_stopping_patience == 0 and "early stopping" not in said


def test_none_is_as_if_it_was_not_set_since_a_file_cannot_hold_it() -> None:
    recipe, _ = decided(basis(), training__early_stopping_patience=None)
    assert recipe == decided(basis())[0]


def test_micro_batches_are_not_larger_than_the_batch() -> None:
    recipe, said = decided(basis(50), training__gradient_accumulation_steps=8)
    assert (recipe.training.batch_size, said["batch size"]) == (8, "8")
    recipe, said = decided(basis(50), training__gradient_accumulation_steps=9)
    assert recipe.training.batch_size == 16 and "batch size" not in said
    assert recipe.training.epochs == 20, "the epochs follow from the batch size that there is"


@pytest.mark.parametrize(
    "settings",
    [
        {"training__warmup_steps": 5},
        {"training__warmup_steps": 0},
        {"training__lr_scheduler_type": "constant"},
        {"training__lr_scheduler_type": "reduce_lr_on_plateau"},
    ],
)
def test_a_warm_up_of_its_own_and_schedules_without_one_are_respected(settings: dict[str, Any]) -> None:
    recipe, said = decided(basis(), **settings)
    assert recipe.training.warmup_ratio == 0 and "warm-up" not in said
    assert decided(basis(), training__lr_scheduler_type="constant_with_warmup")[0].training.warmup_ratio == 0.1


def test_without_evaluations_nothing_is_stopped_early() -> None:
    recipe, said = decided(basis(), training__eval_strategy="no")
    assert recipe.training.eval_strategy == "no" and recipe.training.early_stopping_patience is None
    assert not {"evaluation", "best checkpoint", "early stopping"} & said.keys()
    assert recipe.training.save_strategy == "steps"


@pytest.mark.parametrize(("every", "words"), [(7, "every 7 steps"), (0.25, "every 25.0 % of the steps")])
def test_an_interval_without_a_strategy_is_one_of_steps(every: float, words: str) -> None:
    recipe, said = decided(basis(), training__eval_steps=every)
    assert (recipe.training.eval_strategy, recipe.training.eval_steps) == ("steps", every)
    assert said["evaluation"] == words


@pytest.mark.parametrize("on", [basis(), basis(50, 10), basis(50_000, 0), basis(task="text-generation")])
def test_a_recipe_that_was_written_down_decides_nothing(on: Basis) -> None:
    recipe, _ = decided(on)
    again, decisions = decide_training(Recipe.build(tomllib.loads(recipe.to_toml())), on)
    assert decisions == [] and again.flatten() == recipe.flatten()


def test_plain_settings_leave_nothing_to_decide() -> None:
    plain = {key.replace(".", "__"): value for key, value in PLAIN.items()}
    recipe, said = decided(basis(), **plain)
    assert said == {} and {key: recipe.flatten()[key] for key in PLAIN} == PLAIN


@pytest.mark.parametrize("rows", [10, 2_000, 50_000])
def test_decoders_have_the_usual_batches_and_need_no_least_number_of_steps(rows: int) -> None:
    recipe, said = decided(basis(rows, task="text-generation"))
    assert (recipe.training.batch_size, recipe.training.epochs) == (Recipe().training.batch_size, EPOCHS)
    assert "batch size" not in said
    assert decided(basis(200_000, task="text-generation"))[0].training.epochs == 1


def test_models_from_scratch_keep_the_settings_that_were_chosen_for_them() -> None:
    scratch = {"model__name": None, "model__from_scratch": "tiny", "training__learning_rate": 1e-3}
    recipe, said = decided(basis(50), **scratch)
    assert said.keys() == {"evaluation", "best checkpoint", "early stopping"}
    before = recipe_of(**scratch).training
    kept = ("batch_size", "epochs", "learning_rate", "warmup_ratio")
    assert [getattr(recipe.training, key) for key in kept] == [getattr(before, key) for key in kept]


def test_the_recipe_that_is_given_is_not_changed() -> None:
    given_recipe = recipe_of(model__name="a model")
    before = given_recipe.model_copy(deep=True)
    decide_training(given_recipe, basis())
    assert given_recipe == before


def test_a_configuration_is_enough() -> None:
    """No weight is loaded or made: 100 billion parameters are counted in a moment."""
    large: PretrainedConfig = GPT2Config(n_embd=12_288, n_layer=56, n_head=96)
    assert decided(basis(task="text-generation", config=large))[0].training.learning_rate == 1e-5
