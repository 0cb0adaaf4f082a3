"""A metric that falls while the model learns: its lowest value picks the checkpoint and counts for early stopping."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from luthier.api.train import train
from luthier.learning_curves.record import read_curves
from luthier.pipeline.training.finish import Result
from tests.conftest import PLAIN
from tests.engines.helpers import ENGINES, prepared_data

PATIENCE = 3
SOURCE = """
def error_rate(predictions, references):
    return sum(p != r for p, r in zip(predictions, references)) / len(references)
"""


@pytest.fixture
def error_rate(tmp_path: Path) -> str:
    """The spec of the metric, without a direction."""
    path = tmp_path / "own.py"
    path.write_text(SOURCE, encoding="utf-8")
    return f"{path}:error_rate"


def best_step(run: Path, pick: Callable[[Sequence[float]], float]) -> int:
    """Step of the best error rate; of equal ones that with the lowest loss."""
    curves = read_curves(run / "curves.jsonl")
    errors, losses = curves["eval/error_rate"], curves["eval/loss"]
    tied = [i for i, value in enumerate(errors.values) if value == pick(errors.values)]
    return errors.steps[min(tied, key=lambda i: losses.values[i])]


def trained(reviews: Path, model: Path, metric: str, engine: str, **more: Any) -> Result:
    overrides = {
        **PLAIN,
        "model.name": str(model),
        "training.engine": engine,
        "training.precision": "fp32",
        "training.learning_rate": 2e-3,
        "training.epochs": 10.0,
        "training.eval_strategy": "steps",
        "training.eval_steps": 6,
        "evaluation.metrics": [metric],
        "evaluation.metric_for_best": "error_rate",
        "evaluation.baselines": False,
        **more,
    }
    return train(reviews, run_dir=reviews.parent / "run", **overrides)


@pytest.mark.parametrize(("suffix", "mode"), [(":min", None), ("", "min")])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_checkpoint_with_the_fewest_errors_is_the_best(
    reviews: Path, tiny_model: Path, error_rate: str, engine: str, suffix: str, mode: str | None
) -> None:
    more = {"training.early_stopping_patience": PATIENCE, "evaluation.metric_mode": mode}
    result = trained(reviews, tiny_model, error_rate + suffix, engine, **more).to_dict()
    errors = read_curves(reviews.parent / "run" / "curves.jsonl")["eval/error_rate"]
    lowest = errors.values.index(min(errors.values))
    assert errors.values[0] > min(errors.values), "the model must learn while it trains"
    assert result["best_step"] == best_step(reviews.parent / "run", min)
    # Patience counts the evaluations since the last one with fewer errors.
    assert len(errors.steps) == lowest + 1 + PATIENCE
    assert result["stopped"] == f"error_rate did not improve in {PATIENCE} evaluations"
    written = json.loads((reviews.parent / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert written["metric_for_best"] == "error_rate"
    assert written["metrics"]["error_rate"]["greater_is_better"] is False
    assert written["metrics"]["accuracy"]["greater_is_better"] is True


@pytest.mark.parametrize("engine", ENGINES)
def test_max_takes_the_most(reviews: Path, tiny_model: Path, error_rate: str, engine: str) -> None:
    """The direction is the user's word, not a guess from the name."""
    result = trained(reviews, tiny_model, f"{error_rate}:max", engine).to_dict()
    assert result["best_step"] == best_step(reviews.parent / "run", max)


def test_a_metric_that_picks_nothing_needs_no_direction(reviews: Path, tiny_model: Path, error_rate: str) -> None:
    result = trained(
        reviews, tiny_model, error_rate, "loop", **{"evaluation.metric_for_best": None, "training.max_steps": 3}
    ).to_dict()
    assert result["metrics"]["error_rate"]["greater_is_better"] is None
    assert result["metrics"]["accuracy"]["greater_is_better"] is True


@pytest.mark.parametrize(
    ("shape", "metric", "greater"),
    [
        ("single/one", None, True),
        ("single/one", "loss", False),
        ("pair/number", None, True),
        ("pair/number", "mae", False),
        ("pair/number", "mse", False),
    ],
)
def test_the_metrics_of_a_task_state_their_direction(
    tmp_path: Path, tiny_model: Path, shape: str, metric: str | None, greater: bool
) -> None:
    prepared = prepared_data(tmp_path, tiny_model, shape, **{"evaluation.metric_for_best": metric})
    assert prepared.greater_is_better is greater
