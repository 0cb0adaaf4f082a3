"""The estimated cost: what a run does, and how often."""

from pathlib import Path
from typing import Any

import pytest
from datasets import config
from transformers import PreTrainedModel

import luthier
from luthier.console import Console
from luthier.pipeline.inference.cost import (
    Cost,
    Pace,
    Part,
    checkpoints,
    evaluations,
    last_evaluations,
    measure_cost,
    scheduled,
)
from luthier.pipeline.inference.embed import embed
from luthier.pipeline.inference.score import quick_metrics
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training import best
from luthier.pipeline.training import finish as training_steps
from luthier.pipeline.training.assemble import assemble
from luthier.recipe import TrainingRecipe
from luthier.text import duration
from tests.conftest import PLAIN_BY_NAME, review_rows
from tests.engines.helpers import ENGINES, prepared_data, with_settings

HELD_OUT: dict[str, Any] = {"data.validation_share": 0.2, "data.test_share": 0.2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("data"), tiny_model, n=60, **HELD_OUT)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else features that another test has computed cost nothing."""
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path)


def measured(prepared: Prepared, **more: Any) -> Cost:
    return measure_cost(prepared, assemble(prepared), **more)


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 2},
        {"epochs": 1.3},
        {"epochs": 2, "eval_on_start": True},
        {"epochs": 2, "eval_strategy": "steps", "eval_steps": 3},
        {"max_steps": 6, "eval_strategy": "steps", "eval_steps": 3},
        {"max_steps": 2, "eval_strategy": "steps", "eval_steps": 3},
        {"epochs": 1, "eval_strategy": "no"},
    ],
)
def test_there_are_as_many_evaluations_as_a_run_has(
    settings: dict[str, Any], data: Prepared, tmp_path: Path, tiny_model: Path
) -> None:
    seen: list[int] = []
    given = PLAIN_BY_NAME | {"model": str(tiny_model), "precision": "fp32", "resamples": 100}
    callbacks = [("evaluation", lambda event: seen.append(event.step))]
    luthier.train(review_rows(60), run_dir=tmp_path / "run", callbacks=callbacks, **given | settings)
    training = assemble(with_settings(data, **{f"training__{name}": value for name, value in settings.items()}))
    assert evaluations(training.recipe, training.total_steps, training.plan.steps_per_epoch) == len(seen)


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 2, "eval_on_start": True, "ema_decay": 0.9},
        {"epochs": 2, "average_best": 3},
        {"max_steps": 6, "eval_strategy": "steps", "eval_steps": 1, "ema_decay": 0.9, "average_best": 3},
    ],
)
def test_the_evaluations_of_averaged_weights_are_counted(
    settings: dict[str, Any], data: Prepared, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def counted(prepared: Prepared, model: PreTrainedModel, split: str) -> Any:
        seen.append(split)
        return quick_metrics(prepared, model, split)

    for module in (training_steps, best):
        monkeypatch.setattr(module, "quick_metrics", counted)
    given = PLAIN_BY_NAME | {"model": str(tiny_model), "precision": "fp32", "resamples": 100}
    luthier.train(review_rows(60), run_dir=tmp_path / "run", **given | settings)
    training = assemble(with_settings(data, **{f"training__{name}": value for name, value in settings.items()}))
    assert evaluations(training.recipe, training.total_steps, training.plan.steps_per_epoch) == len(seen)


@pytest.mark.parametrize(
    ("settings", "on_schedule", "last"),
    [
        ({"eval_on_start": True, "ema_decay": 0.9}, 4, 2),
        ({"average_best": 2}, 3, 1 + 2),
        ({"average_best": 5}, 3, 1 + 3),
        ({"average_best": 2, "ema_decay": 0.9}, 3, 2 + 2 + 1),
        ({"eval_strategy": "no", "eval_on_start": True}, 0, 0),
    ],
)
def test_what_is_scheduled_and_what_a_stop_still_needs(settings: dict[str, Any], on_schedule: int, last: int) -> None:
    recipe = TrainingRecipe(**settings)
    assert [count(recipe, 6, 2) for count in (scheduled, last_evaluations)] == [on_schedule, last]


def test_the_parts_are_those_of_the_run(data: Prepared) -> None:
    cost = measured(with_settings(data, training__epochs=4))
    sizes = {split: len(rows) for split, rows in data.splits.items()}
    assert {name: (part.times, part.rows) for name, part in cost.parts.items()} == {
        "training": (cost.steps, 16),
        "evaluation": (4, sizes["validation"]),
        "baselines": (1, sizes["train"]),
        "final_score": (1, sizes["test"]),
        "frozen_features": (1, sizes["train"] + sizes["test"]),
        "calibration": (1, sizes["validation"]),
    }
    assert all(0 < part.low <= part.expected <= part.high for part in cost.parts.values())


def test_frozen_features_that_are_in_the_cache_cost_nothing(data: Prepared) -> None:
    assert "frozen_features" in measured(data).parts
    some = [data.splits[split][:] for split in ("train", "test")]
    data.task.probe(lambda texts: embed(data, texts, Console()), *some)
    assert "frozen_features" not in measured(data).parts


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("epochs", "seconds", "steps"), [(4, 0.0, 4), (1, 0.0, 3), (4, 1e6, 12)])
def test_steps_are_measured_for_the_time_that_is_given(
    data: Prepared, monkeypatch: pytest.MonkeyPatch, engine: str, epochs: int, seconds: float, steps: int
) -> None:
    prepared = with_settings(data, training__epochs=epochs, training__engine=engine)
    training, rates = assemble(prepared), []
    advance = training.advance
    monkeypatch.setattr(training, "advance", lambda *amounts: (rates.append(amounts), advance(*amounts)))
    cost = measure_cost(prepared, training, seconds=seconds)
    assert len(rates) == steps and training.total_steps == cost.steps == 3 * epochs
    assert cost.parts["training"].expected == cost.steps * cost.seconds_per_step


@pytest.mark.parametrize(
    ("settings", "n"),
    [
        ({}, 3),
        ({"save_strategy": "no"}, 3),  # the best ones
        ({"save_strategy": "no", "eval_strategy": "no"}, 0),
        ({"save_strategy": "steps", "save_steps": 4}, 6),
        ({"eval_strategy": "steps", "eval_steps": 3}, 8),
    ],
)
def test_a_checkpoint_is_saved_where_it_is_due_or_may_be_the_best(settings: dict[str, Any], n: int) -> None:
    assert checkpoints(TrainingRecipe(**settings), 22, 10) == n


def test_without_rows_to_score_only_the_training_costs(tmp_path: Path, tiny_model: Path) -> None:
    assert set(measured(prepared_data(tmp_path, tiny_model, n=40)).parts) == {"training"}
    bare = {"evaluation.baselines": False, "evaluation.calibrate": False, "training.eval_strategy": "no"} | HELD_OUT
    cost = measured(prepared_data(tmp_path, tiny_model, n=40, **bare))
    assert set(cost.parts) == {"training", "final_score"}


def test_tasks_that_generate_have_the_cost_of_it(tmp_path: Path) -> None:
    rows = [{"en": f"the dog {i} runs", "de": f"der Hund {i} rennt"} for i in range(80)]
    settings: dict[str, Any] = {
        "task": "translation",
        "columns": {"source": "en", "target": "de"},
        "from_scratch": "tiny",
        "vocabulary_size": 300,
        "max_new_tokens": 4,
        "max_steps": 4,
        "eval_strategy": "epoch",
        "precision": "fp32",
    }
    cost = luthier.inspect(rows, cost=True, samples=3, generated_rows=5, **settings).cost
    assert cost is not None
    parts = {name: (part["times"], part["rows"]) for name, part in cost["parts"].items()}
    assert parts == {
        "training": (4, 16),
        "evaluation": (1, 8),
        "samples": (1, 3),
        "final_score": (1, 8),
        "generated_answers": (1, 5),
        "baselines": (1, 64),
    }
    none = luthier.inspect(rows, cost=True, samples=0, generated_rows=0, **settings).cost
    assert none is not None and {"samples", "generated_answers"}.isdisjoint(none["parts"])


def test_the_span_is_the_sum_of_the_parts() -> None:
    parts = {"training": Part(60.0, 90.0, 70.0, 100, 16), "final_score": Part(4.0, 6.0, 4.5, 1, 50)}
    told = Cost(100, 0.7, parts, None).to_dict()
    assert (told["low"], told["seconds"], told["high"]) == (64.0, 74.5, 96.0)
    assert told["parts"]["training"] == {"low": 60.0, "high": 90.0, "expected": 70.0, "times": 100, "rows": 16}
    assert duration(told["high"]) == "1 min 36 s"


def test_a_short_batch_that_is_slow_for_its_tokens_hardly_changes_what_is_expected() -> None:
    pace = Pace.of([1.0, 9.0], [10.0, 180.0], 19.0)  # a batch has a cost that does not grow with its tokens
    assert (pace.low, pace.high, pace.expected) == (pytest.approx(0.95), pytest.approx(1.9), pytest.approx(1.0))
    part = pace.part(3, 5, each=2, more=0.5)
    assert (part.times, part.rows, part.expected) == (3, 5, pytest.approx(3 * 2.5))
    assert (part.low, part.high) == (pytest.approx(3 * 2.4), pytest.approx(3 * 4.3))
