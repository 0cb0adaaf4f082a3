"""`train` from Python: every kind of data, typed results, and callbacks."""

import dataclasses
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

import luthier
from luthier.api.train import plan, train
from luthier.cli import main
from luthier.engines.events import EvaluationNumbers
from luthier.engines.optimizers import make_optimizer
from luthier.errors import FindingError, RecipeError, RunError, UsageError
from luthier.learning_curves.advice import advise
from luthier.learning_curves.record import read_curves
from luthier.metrics.bootstrap import Score
from luthier.pipeline.results import MetricScore, Result
from luthier.pipeline.training import assemble
from luthier.recipe import DataRecipe, Recipe
from tests.conftest import PLAIN_BY_NAME, review_rows, write_csv
from tests.listener import Listener

ROWS = review_rows(80)
QUICK = PLAIN_BY_NAME | {"max_steps": 6, "resamples": 100, "precision": "fp32", "learning_rate": 1e-3}


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The directory that the runs go to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("place"))
        yield Path.cwd()


@pytest.fixture(scope="module")
def result(place: Path, tiny_model: Path) -> Result:
    return luthier.train(ROWS, run_dir="first", model=str(tiny_model), **QUICK)


@pytest.fixture(scope="module")
def from_file(place: Path, tiny_model: Path) -> Result:
    return luthier.train(write_csv(place / "rows.csv", ROWS), run_dir="file", model=str(tiny_model), **QUICK)


def test_the_recipe_of_data_that_train_refuses_is_not_made(tiny_model: Path, tmp_path: Path) -> None:
    same = [row | {"label": "good"} for row in ROWS]
    with pytest.raises(FindingError, match="have the label 'good'"):
        plan(same, model=str(tiny_model))
    planned = plan(same, model=str(tiny_model), allow=["one-class"], max_steps=5, layer_decay=0.5)
    assert planned.recipe.task == "text-classification" and len(planned.rates) == 5
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(RunError, match="the run directory cannot be used: it is not empty"):
        plan(same, model=str(tiny_model), run_dir=tmp_path / "taken")
    printed = planned.to_dict()
    assert printed["recipe"]["training"]["layer_decay"] == 0.5 and printed["steps"] == 5
    assert {group["learning_rate"] for group in printed["groups"]} == {2e-4 * 0.5**n for n in (0, 1, 2, 3)}


@pytest.mark.parametrize(
    "settings",
    [
        {"layer_decay": 0.5, "head_learning_rate": 1e-3},
        {"adapter": {"rank": 2}, "groups": [{"match": "classifier.*", "learning_rate": 1e-3, "weight_decay": 0.0}]},
        {"optimizer": "muon", "freeze": ["*.embeddings.*"]},
    ],
)
def test_the_planned_groups_are_those_of_the_optimizer(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    made: list[Any] = []

    def kept(*args: Any) -> Any:
        made.append(make_optimizer(*args))
        return made[-1]

    monkeypatch.setattr(assemble, "make_optimizer", kept)
    asked: dict[str, Any] = {"model": str(tiny_model), "max_steps": 1, "precision": "fp32", **settings}
    planned = plan(review_rows(40), **asked).to_dict()["groups"]
    train(review_rows(40), run_dir=tmp_path / "run", resamples=100, **asked)
    optimizer = made[-1]
    assert planned == [
        {
            "name": group["name"],
            "parameters": sum(parameter.numel() for parameter in group["params"]),
            "learning_rate": group["initial_lr"],
            "weight_decay": group["weight_decay"],
        }
        for group in optimizer.param_groups
    ]
    assert len(planned) > 1


def test_a_time_that_is_enough_changes_nothing_and_its_recipe_repeats_the_run(
    result: Result, tiny_model: Path, tmp_path: Path
) -> None:
    limited = luthier.train(ROWS, run_dir=tmp_path / "run", model=str(tiny_model), max_time="100h", **QUICK)
    time = limited.to_dict()["time"]
    assert (time["max"], time["planned_steps"]) == (360_000, 6)
    assert 0 < limited.seconds < time["used"] and time["planned"] > 0
    assert (limited.run.recipe.training.max_time, limited.run.recipe.training.planned_steps) == ("100h", 6)
    again = luthier.train(limited.run.recipe_file, run_dir=tmp_path / "again")
    weights = [(one.model_path / "model.safetensors").read_bytes() for one in (result, limited, again)]
    assert weights[0] == weights[1] == weights[2]
    assert "time" not in result.to_dict() and not result.run.time_file.exists()


def test_a_time_too_short_leaves_no_run(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"0\.1s is too short"):
        luthier.train(ROWS, run_dir=tmp_path / "run", model=str(tiny_model), max_time=0.1, **QUICK)
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_that_a_time_is_not_planned_yet(tiny_model: Path) -> None:
    told = Listener()
    planned = plan(ROWS, model=str(tiny_model), max_time="10m", console=told, **QUICK)
    assert len(planned.rates) == 6 and planned.recipe.training.planned_steps is None
    assert [line.startswith("max_time: the steps that fit are measured") for line in told.said] == [True]


def splits() -> DatasetDict:
    dataset = Dataset.from_list(ROWS)
    return DatasetDict(train=dataset.select(range(50)), validation=dataset.select(range(50, 80)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ROWS,
        lambda: {name: [row[name] for row in ROWS] for name in ROWS[0]},
        lambda: pd.DataFrame(ROWS),
        lambda: Dataset.from_list(ROWS),
        lambda: Recipe(data=DataRecipe(train=["rows.csv"])),
    ],
    ids=["rows", "columns", "pandas", "dataset", "recipe"],
)
def test_every_kind_of_data_trains_the_same_model(
    make: Callable[[], Any], from_file: Result, tiny_model: Path, tmp_path: Path
) -> None:
    found = luthier.train(make(), run_dir=tmp_path / "run", model=str(tiny_model), **QUICK)
    assert found.metrics == from_file.metrics
    weights = [result.model_path / "model.safetensors" for result in (found, from_file)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_splits_are_used_as_given(tiny_model: Path, tmp_path: Path) -> None:
    test = pd.DataFrame(review_rows(100)[80:])
    found = luthier.train(splits(), test=test, run_dir=tmp_path / "r", model=str(tiny_model), **QUICK)
    described = json.loads(found.run.data_file.read_text())
    assert {name: account["read"] for name, account in described["rows"].items()} == {
        "train": 50,
        "validation": 30,
        "test": 20,
    }
    assert found.metrics["accuracy"].n == described["splits"]["test"] == 20
    names = [source["name"] for source in described["sources"]]
    assert names == ["DatasetDict [train]", "DatasetDict [validation]", "DataFrame"]
    kept = sorted(path.name for path in found.run.data.iterdir())
    assert kept == ["test.parquet", "train.parquet", "validation.parquet"]


def test_a_run_of_rows_in_memory_holds_them(result: Result, place: Path) -> None:
    kept = place / "first" / "data" / "train.parquet"
    assert result.run.recipe.data.train == [str(kept)]
    (source,) = json.loads(result.run.data_file.read_text())["sources"]
    assert (source["name"], source["path"]) == ("list of dicts", str(kept))
    assert set(pd.read_parquet(result.run.predictions_file)["source"]) == {"list of dicts"}


def test_a_new_run_is_named_after_the_data(result: Result, tiny_model: Path) -> None:
    found = luthier.train(pd.DataFrame(ROWS), model=str(tiny_model), **QUICK)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-dataframe-text-classification-\w{4}", found.run.path.name)


def test_the_recipe_of_a_run_of_rows_in_memory_repeats_it(result: Result, tmp_path: Path) -> None:
    for recipe in (result.run.recipe_file, result.run.recipe):
        again = luthier.train(recipe, run_dir=tmp_path / type(recipe).__name__)
        assert again.metrics == result.metrics
        compared = luthier.compare([result.run.path, again.run.path])
        assert compared.values["notes"] == [], "the rows have the same names in both runs"
        assert compared.differences["accuracy"][again.run.path.name].value == 0
        assert compared.metrics["accuracy"]["first"] == result.metrics["accuracy"]


def test_standard_input_is_kept_in_the_run(
    from_file: Result, tiny_model: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(Path("rows.csv").read_bytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    found = luthier.train("-", run_dir=tmp_path / "run", model=str(tiny_model), **QUICK)
    kept = tmp_path / "run" / "data" / "stdin"
    assert found.metrics == from_file.metrics
    assert found.run.recipe.data.train == [str(kept)]
    assert kept.read_bytes() == Path("rows.csv").read_bytes()
    assert luthier.evaluate(tmp_path / "run").metrics == found.metrics


def test_nothing_is_left_of_data_that_cannot_be_trained_on(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(FindingError):
        luthier.train(
            [{"text": f"text {i}", "label": "one"} for i in range(60)], run_dir=tmp_path / "run", model=str(tiny_model)
        )
    assert not (tmp_path / "run").exists()


def test_a_result_is_typed(result: Result) -> None:
    score = result.metrics["accuracy"]
    assert isinstance(score, MetricScore)
    entry = result.to_dict()["metrics"]["accuracy"]
    assert dataclasses.asdict(score) == {key: entry[key] for key in ("value", "low", "high", "n", "split")}
    assert score.split == "test" and score.n == 8
    assert isinstance(result.differences["majority"]["accuracy"], Score)
    assert result.baselines["majority"].keys() >= {"accuracy"}
    assert result.steps == 6 and result.seconds > 0
    assert (result.model_path / "model.safetensors").is_file()
    assert result.report_path.is_file()
    assert result.predictor().predict(["a lovely film"])[0]["prediction"] in ("good", "bad")
    assert result.to_dict() == json.loads(result.run.result_file.read_text())
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.run = None  # type: ignore[misc, assignment]


def test_a_result_shows_its_scores(result: Result) -> None:
    shown = repr(result)
    verdict, *_ = shown.split("\n\n")
    assert "accuracy" in verdict and "8 test rows" in " ".join(verdict.split())
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(r"^ metric +model, 8 test rows +majority +tfidf +probe$", shown, re.MULTILINE)
    assert re.search(r"^report +first/report.html$", shown, re.MULTILINE)
    assert "<td" in result._repr_html_() and "report.html" in result._repr_html_()


def test_the_advised_command_runs_as_printed(result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    advice = advise(result.run, read_curves(result.run.curves_file))
    assert advice is not None and advice.command == "luthier train first/recipe.toml --epochs 5 --max-steps 18"
    assert main([*shlex.split(advice.command)[1:], "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["steps"] == planned["recipe"]["training"]["max_steps"] == 18


def test_callbacks_hear_events_and_stop_the_training(tiny_model: Path, tmp_path: Path) -> None:
    heard: list[Any] = []

    def watch(event: EvaluationNumbers) -> luthier.Stop | None:
        heard.append(event)
        return luthier.Stop("enough") if event.step >= 4 else None

    found = luthier.train(
        ROWS,
        run_dir=tmp_path / "run",
        model=str(tiny_model),
        callbacks=[("evaluation", watch), ("end", heard.append)],
        training={"eval_steps": 2},
        **QUICK | {"eval_strategy": "steps"},
    )
    assert [event.step for event in heard] == [2, 4, 4]
    assert found.to_dict()["stopped"] == heard[-1].reason == "enough"
    assert heard[0].metrics["accuracy"] >= 0


@pytest.mark.parametrize(
    ("callbacks", "what", "hint"),
    [
        ([("steps", print)], "no event 'steps'", "did you mean 'step'?"),
        ([print], "a callback is a pair of event name and function", 'callbacks=[("step", function)]'),
        ([("step", lambda: None)], "must take one argument", "def listener(event)"),
    ],
)
def test_a_wrong_callback_is_refused_before_any_work(callbacks: Any, what: str, hint: str, result: Result) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: luthier.train("none.csv", callbacks=callbacks),
        lambda: luthier.resume("none", callbacks=callbacks),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=what) as caught:
            call()
        assert not isinstance(caught.value, RunError)
        assert hint in caught.value.hint
