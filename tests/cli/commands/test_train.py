"""`luthier train`: options become recipe keys, and what comes of the training is printed."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from luthier.api.train import Plan
from luthier.cli import main
from luthier.engines.optimizers.groups import Group
from luthier.recipe import Recipe
from luthier.recipe.tables import put
from tests.cli.conftest import CapSys, Stub


def test_every_option_becomes_its_recipe_key(stub: Stub, result: SimpleNamespace) -> None:
    calls = stub("train", train=result)
    words = """train a.csv b.csv --task text-classification --model minilm --text title,body --label topic
        --valid v.csv --test t1.csv --test t2.csv --engine trainer --epochs 2 --max-steps 20 --max-time 10m
        --batch-size 8 --grad-accumulation 2 --lr 2e-5 --scheduler cosine --precision bf16 --metric-mode max --seed 7
        --run-dir out --allow leak --allow one-class --set weight_decay=0.1 --set evaluation.metric_for_best=f1
        --fresh-tokenizer --device cuda:1 --quiet"""
    assert main(words.split()) == 0
    call = calls["train"]
    assert call.args == (["a.csv", "b.csv"],)
    assert call.kwargs["run_dir"] == Path("out")
    assert call.settings == {
        "task": "text-classification",
        "seed": 7,
        "device": "cuda:1",
        "model.name": "minilm",
        "model.fresh_tokenizer": True,
        "data.columns.text": "title",
        "data.columns.text_pair": "body",
        "data.columns.label": "topic",
        "data.validation": ["v.csv"],
        "data.test": ["t1.csv", "t2.csv"],
        "data.allow": ["leak", "one-class"],
        "training.engine": "trainer",
        "training.epochs": 2.0,
        "training.max_steps": 20,
        "training.max_time": "10m",
        "training.batch_size": 8,
        "training.gradient_accumulation_steps": 2,
        "training.learning_rate": 2e-5,
        "training.lr_scheduler_type": "cosine",
        "training.precision": "bf16",
        "evaluation.metric_mode": "max",
        "training.weight_decay": 0.1,
        "evaluation.metric_for_best": "f1",
    }
    values: dict[str, Any] = {}
    for key, value in call.settings.items():
        put(values, key, value)
    assert Recipe.build(values).training.batch_size == 8


def test_a_new_model_has_a_size_in_place_of_a_name(stub: Stub, result: SimpleNamespace) -> None:
    calls = stub("train", train=result)
    assert main(["train", "a.csv", "--from-scratch", "small"]) == 0
    assert calls["train"].settings == {"model.from_scratch": "small"}


def test_what_is_not_given_is_not_overridden(stub: Stub, result: SimpleNamespace) -> None:
    calls = stub("train", train=result)
    assert main(["train", "a.csv"]) == 0
    assert calls["train"].settings == {}
    assert calls["train"].kwargs["run_dir"] is None


def test_json_is_one_object_and_nothing_else(stub: Stub, result: SimpleNamespace, capsys: CapSys) -> None:
    def noisy(*args: Any, **kwargs: Any) -> SimpleNamespace:
        print("a library speaks")
        return result

    stub("train", train=noisy)
    assert main(["train", "a.csv", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == result.to_dict()
    assert out.count("\n") == 1
    assert "a library speaks" in err


def test_dry_run_prints_the_recipe_and_trains_nothing(stub: Stub, capsys: CapSys) -> None:
    recipe = Recipe.build({"seed": 5})
    calls = stub("train", plan=Plan(recipe, [Group("head", {}, 1e-3, 0.0, matrices=False)], [0.0, 1e-3]))
    assert main(["train", "a.csv", "--dry-run", "--lr", "1e-4"]) == 0
    assert calls["plan"].settings == {"training.learning_rate": 1e-4}
    printed = capsys.readouterr()
    assert printed.out == recipe.to_toml().rstrip() + "\n", "what is written to a file is a recipe"
    assert "head" in printed.err and "schedule  ▁█  0 -> 0.001 over 2 steps" in printed.err
    assert main(["train", "a.csv", "--dry-run", "--json"]) == 0
    assert Recipe.build(json.loads(capsys.readouterr().out)["recipe"]) == recipe
