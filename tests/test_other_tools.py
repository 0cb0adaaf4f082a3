"""The settings of other tools: what to use instead, worked out with the given values, or why there is nothing."""

from dataclasses import fields
from typing import Any

import pytest
from transformers import BitsAndBytesConfig, Seq2SeqTrainingArguments

from luthier import other_tools
from luthier.errors import RecipeError
from luthier.other_tools import Style, hint_for, place_of
from luthier.pipeline.settings import dotted
from luthier.recipe import Recipe

KEYS = Recipe.known_keys()
LEAVES = {key.rpartition(".")[2] for key in KEYS}


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4}, "--batch-size 16 --grad-accumulation 4"),
        ({"per_device_train_batch_size": 4, "accumulate_grad_batches": 2}, "--batch-size 8 --grad-accumulation 2"),
        ({"per_device_train_batch_size": 4}, "--batch-size 4"),
        ({"per_device_train_batch_size": None}, "--batch-size VALUE"),
        ({"num_train_epochs": 3.0}, "--epochs 3.0"),
        ({"lr": 1e-4}, "--lr 0.0001"),
        ({"max_seq_length": 256}, "--set max_length=256"),
        ({"group_by_length": True}, "--set length_grouping=true"),
        ({"train_sampling_strategy": "group_by_length"}, "--set length_grouping=true"),
        ({"train_sampling_strategy": "random"}, "--set length_grouping=false"),
        ({"optim": "adamw_torch_fused"}, "--set optimizer=adamw"),
        ({"optim": "adafactor"}, "--set optimizer=adafactor"),
        ({"bf16": True}, "--precision bf16"),
        ({"fp16": False}, "--precision fp32"),
        ({"mixed_precision": "no"}, "--precision fp32"),
        ({"torch_dtype": "torch.bfloat16"}, "--precision bf16"),
        ({"greater_is_better": False}, "--metric-mode min"),
        ({"warmup": 100}, "--set warmup_steps=100"),
        ({"warmup": 0.1}, "--set warmup_ratio=0.1"),
        ({"validation_split_percentage": 5}, "--set validation_share=0.05"),
        ({"output_dir": "my runs"}, "--run-dir 'my runs'"),
        ({"use_cpu": True}, "--device cpu"),
        ({"optim": "adamw_bnb_8bit"}, "--set optimizer=adamw_8bit"),
        ({"optim": "schedule_free_adamw"}, "--set optimizer=adamw_schedule_free"),
        ({"optim": "sgd"}, "--set optimizer=sgd"),
        ({"activation_checkpointing": True}, "--set gradient_checkpointing=true"),
        ({"use_ema": True}, "--set ema_decay=0.999"),
        ({"ema": 0.99}, "--set ema_decay=0.99"),
        ({"model_ema_decay": 0.9999}, "--set ema_decay=0.9999"),
        ({"rdrop_coef": 0.5}, "--set r_drop_alpha=0.5"),
        ({"use_rdrop": None}, "--set r_drop_alpha=1.0"),
        ({"num_average_checkpoints": 5}, "--set average_best=5"),
        ({"report_to": "wandb"}, "--track wandb"),
        ({"wandb_project": "mine"}, "--track-project mine"),
    ],
)
def test_the_nearest_of_ours_with_the_value(given: dict[str, Any], hint: str) -> None:
    assert hint_for(next(iter(given)), given, "option") == f"use {hint}"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"wandb_entity": "me"}, "--track sends the curves to wandb"),
        ({"push_to_hub": True}, "--track"),
        ({"lora_bias": "all"}, "--lora"),
        ({"load_in_8bit": True}, "kind=qlora"),
        ({"deepspeed": "ds.json"}, "accelerate launch"),
        ({"optim": "galore_adamw"}, "lion, sgd, muon"),
        ({"use_ema": False}, "it is off unless ema_decay is set"),
        ({"train_sampling_strategy": "sequential"}, "always shuffled"),
        ({"resume_from_checkpoint": "x"}, "luthier resume RUN"),
    ],
)
def test_why_there_is_no_such_setting(given: dict[str, Any], why: str) -> None:
    name = next(iter(given))
    hint = hint_for(name, given, "option")
    assert hint.startswith(f"{name} is not offered: ")
    assert why in hint


@pytest.mark.parametrize(
    ("style", "hint"),
    [
        ("option", "use --lr 0.1"),
        ("set", "use --lr 0.1, or --set learning_rate=0.1"),
        ("python", "use learning_rate=0.1"),
        ("toml", "use training.learning_rate = 0.1"),
    ],
)
def test_a_hint_is_written_as_the_setting_was_given(style: Style, hint: str) -> None:
    assert hint_for("lr", {"lr": 0.1}, style) == hint


def test_several_processes_share_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    given = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4}
    expected = "use batch_size=32, gradient_accumulation_steps=4"
    assert hint_for("per_device_train_batch_size", given, "python") == expected


def test_every_setting_of_other_libraries_has_an_answer() -> None:
    theirs = {field.name for field in fields(Seq2SeqTrainingArguments)}
    lora = {"r", "lora_alpha", "lora_dropout", "target_modules", "modules_to_save"}  # as PEFT calls them
    bits = {name for name in vars(BitsAndBytesConfig(load_in_8bit=True)) if name.startswith(("_load_in", "bnb_"))}
    names = (theirs | lora | {name.lstrip("_") for name in bits}) - LEAVES
    assert len(names) > 100
    assert [name for name in sorted(names) if not hint_for(name, {}, "option")] == []


def test_no_name_is_one_of_ours_and_every_key_is() -> None:
    assert not (set(other_tools._OURS) | set(other_tools._WORKED_OUT)) & LEAVES
    shown = {*other_tools._SAME, *other_tools._OPTIONS} - {"run_dir"}
    assert {key for key in shown if not key.startswith("data.columns.")} <= KEYS.keys()


def test_unknown_names_have_no_hint() -> None:
    assert hint_for("zzz", {}, "option") == ""


def test_in_python_and_in_a_recipe() -> None:
    with pytest.raises(RecipeError, match="no recipe key 'per_device_train_batch_size'") as caught:
        dotted({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4})
    assert caught.value.hint == "use batch_size=16, gradient_accumulation_steps=4"
    with pytest.raises(RecipeError, match=r"no recipe key 'training\.num_train_epochs'") as caught:
        Recipe.build({"training": {"num_train_epochs": 2}}, where="my.toml")
    assert (caught.value.where, caught.value.hint) == ("my.toml", "use training.epochs = 2")


@pytest.mark.parametrize(
    ("key", "place"), [("training.learning_rate", "--lr"), ("training.weight_decay", "--set weight_decay")]
)
def test_where_the_command_sets_a_key(key: str, place: str) -> None:
    assert place_of(key) == place


def test_silly_near_misses_are_not_suggested() -> None:
    for name in ("hub_strategy_x", "dataloader", "optimiser_kind", "tokens"):
        with pytest.raises(RecipeError) as caught:
            Recipe.full_key(name)
        assert "did you mean" not in caught.value.hint, name
