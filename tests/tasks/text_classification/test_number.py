"""A number is learned without its unit; the model that a training leaves has it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import pipeline

import luthier
from luthier.learning_curves.record import read_curves
from luthier.models.loading import load_model
from luthier.tasks.text_classification.number import number_head, rescale
from tests.conftest import review
from tests.tasks.by_hand import quick

TEXTS = [review("good", 900), review("bad", 901), review("good", 902)]


def train(model: Path, folder: Path, scale: float = 1.0, **more: Any) -> Path:
    """A run on numbers around 3 scales, with 20 rows held out for the choice of the checkpoint."""
    rows = [{"text": review("good" if i % 5 > 2 else "bad", i), "score": scale * (1 + i % 5)} for i in range(60)]
    settings = quick("text-classification") | {"model.name": str(model), "data.shape": "single/number"} | more
    return luthier.train(rows, run_dir=folder, **settings).run.path


def predicted(run: Path) -> list[float]:
    return [answer["prediction"] for answer in luthier.load(run).predict(TEXTS)]


def card(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "model" / "luthier.json").read_text())["learned"]
    return found


def test_rescaling_a_layer_rescales_its_output() -> None:
    layer, features = nn.Linear(3, 1), torch.rand(5, 3)
    before = layer(features)
    rescale(layer, 7.0, 2.0)
    torch.testing.assert_close(layer(features), 2 * before + 7)


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_a_training_does_not_depend_on_the_unit(engine: str, tiny_model: Path, tmp_path: Path) -> None:
    small, large = (
        train(tiny_model, tmp_path / str(scale), scale, **{"training.engine": engine}) for scale in (1.0, 1024.0)
    )
    ours, others = (read_curves(run / "curves.jsonl")["train/loss"].values for run in (small, large))
    assert ours == others
    assert [1024 * value for value in predicted(small)] == pytest.approx(predicted(large), rel=1e-5)
    assert 1 < predicted(small)[0] < 5


def test_plain_transformers_gives_the_number_in_its_unit(tiny_model: Path, tmp_path: Path) -> None:
    run = train(tiny_model, tmp_path / "run", 1000.0)
    plain = pipeline("text-classification", model=str(run / "model"), function_to_apply="none")
    assert [one["score"] for one in plain(TEXTS)] == pytest.approx(predicted(run), rel=1e-5)
    assert card(run)["in_model"]
    again = luthier.evaluate(run)
    assert (
        again.metrics["mse"].value == luthier.Run.open(run).read_json(run / "metrics.json")["metrics"]["mse"]["value"]
    )


def test_metrics_of_the_user_get_both_in_the_unit(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("""
import numpy as np


def compute_metrics(p):
    return {"low": float(np.minimum(p.predictions.min(), p.label_ids.min())), "high": float(p.label_ids.max())}
""")
    metrics = {"evaluation.metrics": [f"{tmp_path / 'mine.py'}:compute_metrics:max"]}
    run = train(tiny_model, tmp_path / "run", 1000.0, **metrics)
    found = read_curves(run / "curves.jsonl")
    last = luthier.evaluate(run).metrics
    for low, high in (
        (found["eval/low"].values[-1], found["eval/high"].values[-1]),
        (last["low"].value, last["high"].value),
    ):
        assert low == pytest.approx(1000, rel=1e-3)
        assert high == pytest.approx(5000, rel=1e-3)


def test_a_model_that_is_tuned_again_begins_with_what_it_knows(tiny_model: Path, tmp_path: Path) -> None:
    first = train(tiny_model, tmp_path / "first", 1000.0)
    second = train(
        first, tmp_path / "second", 1000.0, **{"training.learning_rate": 1e-12, "training.weight_decay": 0.0}
    )
    assert predicted(second) == pytest.approx(predicted(first), rel=1e-4)


def test_an_adapter_has_the_unit_too(tiny_model: Path, tmp_path: Path) -> None:
    run = train(tiny_model, tmp_path / "run", 1000.0, **{"model.adapter": {"rank": 2}})
    assert card(run)["in_model"]
    assert all(1000 < number < 5000 for number in predicted(run))


def test_a_head_without_a_bias_leaves_the_unit_to_the_task(built: Callable[[str], Path], tmp_path: Path) -> None:
    run = train(built("GPT-2"), tmp_path / "run", 1000.0)
    assert number_head(load_model("SequenceClassification", str(run / "model"))) is None
    assert not card(run)["in_model"]
    assert all(1000 < number < 5000 for number in predicted(run))
    assert "The number is the pipeline's score *" in (run / "model" / "README.md").read_text()
