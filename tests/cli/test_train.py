"""`luthier train`, `resume` and `evaluate`: options become recipe keys, results become a table or JSON."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from luthier.cli import main
from luthier.recipe import Recipe
from luthier.recipe_tables import put


def test_every_option_becomes_its_recipe_key(stub, result):
    calls = stub("train", train=result)
    words = """train a.csv b.csv --task text-classification --model minilm --text title,body --label topic
        --valid v.csv --test t1.csv --test t2.csv --engine trainer --epochs 2 --max-steps 20 --batch-size 8
        --grad-accumulation 2 --lr 2e-5 --scheduler cosine --precision bf16 --metric-mode max --seed 7 --run-dir out
        --allow leak --allow one-class --set weight_decay=0.1 --set evaluation.metric_for_best=f1
        --device cuda:1 --quiet"""
    assert main(words.split()) == 0
    call = calls["train"]
    assert call.args == (["a.csv", "b.csv"],)
    assert call.kwargs["run_dir"] == Path("out")
    assert call.settings == {
        "task": "text-classification",
        "seed": 7,
        "device": "cuda:1",
        "model.name": "minilm",
        "data.columns.text": "title",
        "data.columns.text_pair": "body",
        "data.columns.label": "topic",
        "data.validation": ["v.csv"],
        "data.test": ["t1.csv", "t2.csv"],
        "data.allow": ["leak", "one-class"],
        "training.engine": "trainer",
        "training.epochs": 2.0,
        "training.max_steps": 20,
        "training.batch_size": 8,
        "training.gradient_accumulation_steps": 2,
        "training.learning_rate": 2e-5,
        "training.lr_scheduler_type": "cosine",
        "training.precision": "bf16",
        "evaluation.metric_mode": "max",
        "training.weight_decay": 0.1,
        "evaluation.metric_for_best": "f1",
    }
    values: dict = {}
    for key, value in call.settings.items():
        put(values, key, value)
    assert Recipe.build(values).training.batch_size == 8


def test_what_is_not_given_is_not_overridden(stub, result):
    calls = stub("train", train=result)
    assert main(["train", "a.csv"]) == 0
    assert calls["train"].settings == {}
    assert calls["train"].kwargs["run_dir"] is None


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("weight_decay=0.1", "training.weight_decay", 0.1),
        ("training.length_grouping=false", "training.length_grouping", False),
        ("freeze=['a.*', 'b']", "model.freeze", ["a.*", "b"]),
        ("metric_for_best=f1", "evaluation.metric_for_best", "f1"),
        ("data.columns.text=my column", "data.columns.text", "my column"),
        ("name=a=b", "model.name", "a=b"),
        ("class_weights={a = 1.0, b = 2.0}", "training.class_weights", {"a": 1.0, "b": 2.0}),
    ],
)
def test_set_reads_toml_and_falls_back_to_text(stub, result, setting, key, value):
    calls = stub("train", train=result)
    assert main(["train", "a.csv", "--set", setting]) == 0
    assert calls["train"].settings == {key: value}


def test_several_labels_are_a_list(stub, result):
    calls = stub("train", train=result)
    assert main(["train", "a.csv", "--label", "joy, fear,anger"]) == 0
    assert calls["train"].settings == {"data.columns.labels": ["joy", "fear", "anger"]}


@pytest.mark.parametrize("command", ["train", "inspect", "evaluate"])
def test_column_names_the_columns_of_any_role(stub, result, command):
    calls = stub(command, **{command: SimpleNamespace(to_dict=dict, stops=False, directory="d")})
    words = (
        f"{command} runs/a a.csv --column question=q --column text=title,body --column labels=joy --column labels=fear"
    )
    assert main([*words.split(), "--json"]) == 0
    assert calls[command].settings == {
        "data.columns.question": "q",
        "data.columns.text": ["title", "body"],
        "data.columns.labels": ["joy", "fear"],
    }


def test_the_table_names_score_interval_baselines_and_what_comes_next(stub, result, capsys):
    stub("train", train=result)
    assert main(["train", "a.csv"]) == 0
    shown = capsys.readouterr().out
    assert "0.942 (0.917-0.963)" in shown
    assert "445 test rows" in shown
    assert "0.978" in shown
    assert "not defined" in shown
    assert shown.splitlines()[-2] == "report  runs/a/report.html"
    assert shown.splitlines()[-1] == "next    luthier chat runs/a"
    assert max(map(len, shown.splitlines())) <= 80


def test_a_signature_stands_below_the_scores(stub, result, capsys):
    result.to_dict()["metrics"]["accuracy"]["signature"] = "nrefs:1|tok:13a"
    stub("train", train=result)
    assert main(["train", "a.csv"]) == 0
    assert "accuracy  nrefs:1|tok:13a" in capsys.readouterr().out.splitlines()


def test_json_is_one_object_and_nothing_else(stub, result, capsys):
    def noisy(*args, **kwargs):
        print("a library speaks")
        return result

    stub("train", train=noisy)
    assert main(["train", "a.csv", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == result.to_dict()
    assert out.count("\n") == 1
    assert "a library speaks" in err


def test_dry_run_prints_the_recipe_and_trains_nothing(stub, capsys):
    recipe = Recipe.build({"seed": 5})
    calls = stub("train", plan=recipe)
    assert main(["train", "a.csv", "--dry-run", "--lr", "1e-4"]) == 0
    assert calls["plan"].settings == {"training.learning_rate": 1e-4}
    assert capsys.readouterr().out == recipe.to_toml().rstrip() + "\n"
    assert main(["train", "a.csv", "--dry-run", "--json"]) == 0
    assert Recipe.build(json.loads(capsys.readouterr().out)["recipe"]) == recipe


def test_resume_hands_over_the_directory(stub, result, capsys):
    calls = stub("resume", resume=result)
    assert main(["resume", "runs/a", "--json"]) == 0
    assert calls["resume"].args == (Path("runs/a"),)
    assert json.loads(capsys.readouterr().out)["run"] == "runs/a"


def test_evaluate_scores_and_says_where(stub, result, capsys):
    found = SimpleNamespace(to_dict=result.to_dict, directory=Path("runs/a/evaluations/1"))
    calls = stub("evaluate", evaluate=found)
    assert main(["evaluate", "runs/a", "t.csv", "--label", "y", "--set", "threshold=0.3", "--device", "cpu"]) == 0
    assert calls["evaluate"].args == ("runs/a", ["t.csv"])
    assert calls["evaluate"].settings == {"device": "cpu", "data.columns.label": "y", "evaluation.threshold": 0.3}
    shown = capsys.readouterr().out
    assert "0.942 (0.917-0.963)" in shown
    assert shown.splitlines()[-1] == "written to runs/a/evaluations/1"
