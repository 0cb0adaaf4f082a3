"""Tiny models of other architectures, and a tuned one for each shape of text classification; each is made once."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.conftest import PLAIN, review, write_csv
from tests.matrix.models import build

COLUMNS: dict[str, dict[str, Any]] = {
    "single/one": {"text": "text", "label": "label"},
    "pair/one": {"text": "text", "text_pair": "other", "label": "label"},
    "single/several": {"text": "text", "labels": ["joy", "fear", "awe"]},
    "pair/several": {"text": "text", "text_pair": "other", "labels": ["joy", "fear", "awe"]},
    "single/number": {"text": "text", "label": "number"},
    "pair/number": {"text": "text", "text_pair": "other", "label": "number"},
}


def row(i: int) -> dict[str, object]:
    draw, label = random.Random(i), "good" if i % 2 else "bad"
    flags = {name: draw.randint(0, 1) for name in ("joy", "fear", "awe")}
    return {"text": review(label, i), "other": review("good", i + 500), "label": label, **flags, "number": i % 7 / 2}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`built("T5")` is the directory of a tiny model of that architecture with random weights."""
    folder = tmp_path_factory.mktemp("built")
    return cache(lambda name: build(name, folder / name.replace(" ", "-")))


@pytest.fixture(scope="session")
def tuned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`tuned("pair/one")` is a finished run on data of that shape; every shape is trained once."""
    from luthier.api.train import train

    folder = tmp_path_factory.mktemp("tuned")
    data = write_csv(folder / "rows.csv", [row(i) for i in range(48)])

    @cache
    def run(shape: str) -> Path:
        overrides = PLAIN | {
            "model.name": str(tiny_model),
            "data.shape": shape,
            **{f"data.columns.{role}": column for role, column in COLUMNS[shape].items()},
            "training.precision": "fp32",
            "training.epochs": 2,
            "training.learning_rate": 5e-3,
            "evaluation.resamples": 100,
        }
        before, datasets.config.HF_DATASETS_CACHE = datasets.config.HF_DATASETS_CACHE, folder / "cache"
        try:
            return train(str(data), run_dir=folder / shape.replace("/", "-"), **overrides).run.path
        finally:
            datasets.config.HF_DATASETS_CACHE = before

    return run
