"""What a recipe decides where the user says nothing."""

from pathlib import Path
from typing import Any

import pytest

from luthier.api.train import plan
from luthier.console import Console
from luthier.findings import Decision
from luthier.recipe import TrainingRecipe
from tests.conftest import review, write_csv


class Told(Console):
    """Keeps what was decided."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def decision(self, decision: Decision) -> None:
        self.decisions.append(decision)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "pairs.csv", [{"en": review("good", i), "de": review("bad", i)} for i in range(40)])


def training(data: Path, **settings: Any) -> TrainingRecipe:
    asked = {"task": "translation", "training.precision": "fp32"}
    return plan([str(data)], **asked, **{key.replace("__", "."): value for key, value in settings.items()}).training


def test_a_new_model_is_trained_longer_and_with_larger_steps_than_a_pretrained_one(pairs: Path) -> None:
    found = training(pairs, model__from_scratch="small", model__architecture="bart")
    assert (found.optimizer, found.learning_rate, found.warmup_ratio, found.epochs) == ("adamw", 5e-4, 0.1, 10)
    usual = TrainingRecipe()
    assert found.learning_rate > usual.learning_rate and found.epochs > usual.epochs


def test_a_new_t5_is_trained_as_t5_was(pairs: Path) -> None:
    found = training(pairs, model__from_scratch="tiny")
    assert (found.optimizer, found.learning_rate, found.weight_decay) == ("adafactor", 1e-2, 0.0)
    other = training(pairs, model__from_scratch="tiny", training__optimizer="adamw")
    assert (other.optimizer, other.learning_rate) == ("adamw", 1e-3), "the rate is of the optimizer"


def test_what_the_user_says_stands(pairs: Path) -> None:
    found = training(pairs, model__from_scratch="tiny", training__learning_rate=3e-3, training__epochs=2)
    assert (found.learning_rate, found.epochs) == (3e-3, 2)
    steps = training(pairs, model__from_scratch="tiny", training__warmup_steps=7)
    assert (steps.warmup_steps, steps.warmup_ratio) == (7, 0)
    constant = training(pairs, model__from_scratch="tiny", training__lr_scheduler_type="constant")
    assert constant.warmup_ratio == 0


def test_it_is_said(pairs: Path) -> None:
    told = Told()
    plan([str(pairs)], console=told, task="translation", from_scratch="tiny", max_steps=5)
    (line,) = [decision for decision in told.decisions if decision.what == "training"]
    assert line.value == "adafactor, learning rate 0.01, 5 steps"
