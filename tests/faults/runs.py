"""Small runs to be killed and resumed, and what came of them, read by other means than ours."""

import json
import multiprocessing
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from luthier.api import one_run, train
from luthier.console import Console
from luthier.run_directory.predictions import read_predictions
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_text
from tests.conftest import PLAIN, review_rows, write_csv

ENGINES = ("loop", "trainer")
EITHER = ("loop", pytest.param("trainer", marks=pytest.mark.slow))
SETTINGS: dict[str, Any] = PLAIN | {  # 32 rows train in 4 steps an epoch, with the model's own dropout
    "training.precision": "fp32",
    "training.epochs": 3,
    "training.batch_size": 8,
    "training.learning_rate": 1e-3,
    "training.save_strategy": "steps",
    "training.save_steps": 3,
    "evaluation.resamples": 100,
    "evaluation.baselines": False,
}
TIMES = ("train/tokens_per_second",)
EVALUATIONS = "evaluations.parquet"  # of a run with evaluations
FILES = {
    "recipe.toml",
    "environment.json",
    "data.json",
    "skipped.jsonl",
    "curves.jsonl",
    "model",
    "task.json",
    "predictions.parquet",
    "metrics.json",
    "settings.json",
    "result.json",
    "traces",
    "report.html",
    "log.txt",
}


def quick_report(run_dir: Path | str) -> Path:
    """Stands for the report, which takes longer than a tiny run and has tests of its own."""
    file = Run.open(run_dir).report_file
    write_text(file, "report")
    return file


def begin(folder: Path, model: Path, run: str = "run", console: Console | None = None, **settings: Any) -> Path:
    """Train on `data.csv` of a folder; it is made where there is none."""
    data = folder / "data.csv"
    if not data.exists():
        write_csv(data, review_rows(40))
    overrides = SETTINGS | {"model.name": str(model)} | {key.replace("__", "."): v for key, v in settings.items()}
    return train.train(data, run_dir=folder / run, console=console, **overrides).run.path


@dataclass(frozen=True)
class Outcome:
    """What must be the same however often a run was interrupted."""

    weights: dict[str, Tensor]
    metrics: bytes
    evaluations: dict[str, list[Any]] | None
    predictions: dict[str, list[Any]]
    curves: list[dict[str, Any]]
    steps: int

    @classmethod
    def of(cls, run: Path) -> "Outcome":
        assert {path.name for path in run.iterdir()} - {".lock", EVALUATIONS} == FILES
        lines = (run / "curves.jsonl").read_text().splitlines()
        points = [json.loads(line) for line in lines]
        return cls(
            load_file(run / "model" / "model.safetensors"),
            (run / "metrics.json").read_bytes(),
            read_predictions(run / EVALUATIONS),
            pq.read_table(run / "predictions.parquet").drop_columns("source").to_pydict(),
            [{k: v for k, v in p.items() if k != "time"} for p in points if p["name"] not in TIMES],
            json.loads((run / "result.json").read_text())["steps"],
        )

    def assert_same(self, other: "Outcome") -> None:
        assert self.weights.keys() == other.weights.keys()
        assert [name for name in self.weights if not torch.equal(self.weights[name], other.weights[name])] == []
        assert self.curves == other.curves
        assert self.metrics == other.metrics
        assert self.evaluations == other.evaluations
        assert self.predictions == other.predictions
        assert self.steps == other.steps


def started(work: Callable[[], object]) -> ForkProcess:
    """A process of its own, forked from here, that does some work."""

    def child() -> None:
        torch.set_num_threads(1)  # a fork does not inherit the threads of a pool, and would wait for them
        one_run.report = quick_report
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    return process


def in_child(work: Callable[[], object]) -> int:
    """Do some work in a process of its own; its exit code, negative for a signal."""
    process = started(work)
    process.join(120)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError("the child hangs")
    return process.exitcode
