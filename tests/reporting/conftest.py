"""Run directories that look like real ones, made without training: BBC-like news, hostile texts, odd shapes."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from luthier.recipe import END
from luthier.reporting.panels import (
    Bin,
    Confusion,
    Example,
    Examples,
    Panel,
    Reliability,
    Scatter,
    Score,
    Table,
)
from luthier.run_directory.run import COMPLETED, Run
from luthier.storage.atomic import write_json, write_text

BBC = ("business", "entertainment", "politics", "sport", "tech")
HOSTILE = (
    "<script>alert('x')</script></script><img src=http://evil.example/x.png onerror=alert(1)> {{ 7 * 7 }} ]]> <!--"
)
ARABIC = "أعلن البنك المركزي رفع أسعار الفائدة مرة أخرى هذا العام"
COUNTS = ((99, 1, 3, 0, 2), (1, 74, 1, 0, 2), (4, 0, 78, 0, 1), (0, 0, 1, 101, 0), (3, 2, 0, 0, 72))

RECIPE = """task = "text-classification"  # what the model is tuned to do; found from the data
seed = 42

[data]
train = ["bbc"]
shape = "single/one"
columns = {text = "text", label = "folder"}
# max_length is not set: tokens a row may have before it is cut

[model]
name = "minilm"

[training]
learning_rate = 5e-5
precision = "fp32"  # fp32, bf16, fp16, or auto: the fastest one measured here
"""
RECIPE += END + "\n"

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A factory of run directories; see `build_run`."""
    return lambda **given: build_run(tmp_path / "runs" / "2026-11-23-bbc-text-classification-k3f9", **given)


@pytest.fixture(scope="module")
def make_runs(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """As `make_run`, for pages that many tests only read."""
    return lambda **given: build_run(tmp_path_factory.mktemp("runs") / "2026-11-23-bbc-k3f9", **given)


@pytest.fixture(scope="module")
def bbc_panels() -> list[Panel]:
    return panels_of_bbc()


def build_run(
    path: Path, *, upto: str = "result", labels: Sequence[str] = BBC, split: str = "test", **metrics: Any
) -> Run:
    """A run directory.

    Args:
        path: Where.
        upto: How far the run is: `recipe`, `data`, `curves`, `metrics` or `result`.
        labels: Classes.
        split: What the final score was computed on.
        metrics: Keys of `metrics.json` to replace.
    """
    run = Run.create(path)
    write_text(run.recipe_file, RECIPE)
    stages: list[tuple[str, Callable[[], None]]] = [
        ("recipe", lambda: None),
        ("data", lambda: _write_data(run, labels)),
        ("curves", lambda: _write_curves(run)),
        ("metrics", lambda: write_json(run.metrics_file, bbc_metrics(split) | metrics)),
        ("result", lambda: _write_result(run)),
    ]
    for name, write in stages:
        write()
        if name == upto:
            break
    return run


def cut_short(run: Run) -> Run:
    """Leave a tenth of the steps of a run's training, in all of its epochs."""
    lines = [json.loads(line) for line in run.curves_file.read_text().splitlines()]
    few = [line for line in lines if line["step"] % 10 == 0]
    for line in few:
        line["step"] //= 10
    write_text(run.curves_file, "".join(json.dumps(line) + "\n" for line in few))
    return run


def bbc_metrics(split: str = "test") -> dict[str, Any]:
    n, better = 445, {"split": split, "greater_is_better": True}
    return {
        "task": "text-classification",
        "split": split,
        "metric_for_best": "accuracy",
        "metrics": {
            "accuracy": {"value": 0.9528, "low": 0.9326, "high": 0.9708, "n": n, **better},
            "f1_macro": {"value": 0.9517, "low": 0.9301, "high": 0.9711, "n": n, **better},
            "mcc": {"value": 0.9408, "low": 0.9152, "high": 0.9633, "n": n, **better},
        },
        "baselines": {
            "majority": {"accuracy": 0.2292, "f1_macro": 0.0746, "mcc": None},
            "tfidf": {"accuracy": 0.9258, "f1_macro": 0.9241, "mcc": 0.9069},
        },
        "differences": {
            "majority": {"accuracy": {"value": 0.7236, "low": 0.6787, "high": 0.764}},
            "tfidf": {
                "accuracy": {"value": 0.027, "low": 0.009, "high": 0.0449},
                "f1_macro": {"value": 0.0276, "low": 0.0081, "high": 0.0472},
                "mcc": {"value": 0.0339, "low": 0.0112, "high": 0.0566},
            },
        },
    }


def panels_of_bbc() -> list[Panel]:
    rng = np.random.default_rng(3)
    confident = [
        Bin(c, min(1.0, c - 0.02 + 0.03 * rng.standard_normal()), n)
        for c, n in zip((0.42, 0.55, 0.66, 0.74, 0.85, 0.97), (3, 9, 14, 22, 41, 356), strict=True)
    ]
    table = Table(
        "Each class",
        ("Class", "Precision", "Recall", "F1", "Rows"),
        [
            (name, _score(rng, 0.95), _score(rng, 0.94), _score(rng, 0.945), n)
            for name, n in zip(BBC, (105, 78, 83, 102, 77), strict=True)
        ],
        note="Scores of each class on the test rows, with 95 % intervals.",
    )
    return [
        Confusion(BBC, COUNTS),
        table,
        Examples(errors(), total=21),
        Reliability(confident, 0.021),
    ]


def errors() -> list[Example]:
    long = (
        "Labour plans maternity pay rise.\n\n"
        + "Maternity pay for new mothers is to rise by 1,400 as part of new proposals by the Trade Secretary. " * 30
    )
    return [
        Example([("text", long)], "business", "politics", 0.993, "bbc/business/023.txt", 1),
        Example([("text", HOSTILE)], "tech", "entertainment", 0.981, "bbc/tech/<b>004</b>.txt", 1),
        Example([("text", ARABIC)], "business", "tech", 0.964, "bbc/business/311.txt", 1),
        Example(
            [("text", "🎉🎉 🎬 👩‍👩‍👧 \ud83d lone surrogate")],
            "entertainment",
            "tech",
            0.951,
            "bbc/entertainment/101.txt",
            1,
        ),
        Example(
            [
                (
                    "text",
                    "Gates opens biggest gadget fair. Bill Gates has opened the Consumer Electronics Show today.",
                )
            ],
            "tech",
            "business",
            0.877,
            "bbc/tech/055.txt",
            1,
        ),
        Example([("text", "")], "sport", "politics", 0.512, "bbc/sport/400.txt", 1),
    ]


def number_panels(n: int = 300) -> list[Panel]:
    rng = np.random.default_rng(5)
    gold = rng.uniform(0, 5, n)
    return [Scatter(gold.tolist(), (gold + rng.normal(0, 0.6, n)).tolist(), unit="points")]


def _score(rng: np.random.Generator, middle: float) -> Score:
    value = min(0.985, middle + 0.02 * rng.standard_normal())
    return Score(value, value - 0.04, min(1.0, value + 0.03))


def _write_data(run: Run, labels: Sequence[str]) -> None:
    counts = {name: 300 + 37 * i % 120 for i, name in enumerate(labels)}
    write_json(
        run.environment_file,
        {
            "luthier": "0.1.0",
            "python": "3.11.13",
            "platform": "Linux 6.8 x86_64",
            "processor": "AMD EPYC 9554",
            "cores": 8,
            "threads": 8,
            "memory_bytes": 67_430_000_000,
            "devices": ["cpu"],
            "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
            "git_commit": "4be12c0",
            "command": "luthier train bbc --task text-classification",
            "started": "2026-11-23T10:12:03Z",
        },
    )
    write_json(
        run.data_file,
        {
            "task": "text-classification",
            "shape": "single/one",
            "columns": {"text": "text", "label": "folder"},
            "sources": [
                {
                    "name": "bbc",
                    "path": "data/bbc",
                    "split": "train",
                    "format": "folder of one folder per class",
                    "sha256": "9f" * 32,
                    "decisions": [
                        {
                            "what": "encoding",
                            "value": "utf-8, else windows-1252",
                            "why": "3 of 2,225 files are not UTF-8",
                        }
                    ],
                }
            ],
            "decisions": [
                {"what": "task", "value": "text-classification", "why": "one text and one of 5 labels in each row"},
                {"what": "columns", "value": "text, label = folder", "why": "the folders' names are the classes"},
                {
                    "what": "split",
                    "value": "1,677 / 97 / 445",
                    "why": "no test data given: stratified, duplicates kept together",
                },
                {"what": "length", "value": "256 tokens", "why": "the model's own limit"},
                {"what": "precision", "value": "fp32", "why": "bf16 measured 14 times slower on this processor"},
            ],
            "rows": {"train": {"read": 2225, "kept": 2219, "skipped": {"empty-text": 2, "missing-label": 4}}},
            "splits": {"train": 1677, "validation": 97, "test": 445},
            "labels": counts,
            "label_counts": {
                "train": counts,
                "validation": {name: n // 17 for name, n in counts.items()},
                "test": {name: n // 4 for name, n in counts.items()},
            },
            "lengths": {
                "median": 412,
                "p95": 903,
                "max": 4871,
                "truncated_share": 0.871,
                "max_length": 256,
                "histogram": {
                    "edges": [0, 100, 200, 300, 400, 500, 600, 700, 800, 1000, 1500],
                    "counts": [3, 61, 317, 420, 331, 205, 131, 77, 81, 51],
                },
            },
            "findings": [
                {
                    "id": "near-duplicates",
                    "severity": "info",
                    "message": "98 articles occur twice or more; copies were kept on one side of the split.",
                    "action": "Nothing to do.",
                    "rows": [12, 44, 91, 101, 222, 340, 341, 342, 500, 512, 530, 600, 700, 801],
                },
                {
                    "id": "truncation",
                    "severity": "warning",
                    "message": f"87.1 % of the rows are longer than 256 tokens and were cut. First: {HOSTILE}",
                    "action": "Use a model with a longer limit, or set data.max_length = 512.",
                    "rows": [],
                },
                {
                    "id": "leak",
                    "severity": "error",
                    "message": "3 test rows also stand in the training data.",
                    "action": "Remove them, or pass --allow leak.",
                    "rows": [7, 9, 13],
                },
            ],
        },
    )
    skipped = [
        {"source": "bbc/tech/<script>.txt", "row": i, "reason": "missing-label", "detail": "the label is empty"}
        for i in range(6)
    ]
    write_text(run.skipped_file, "".join(json.dumps(row) + "\n" for row in skipped))


def _write_curves(run: Run, n: int = 315) -> None:
    rng = np.random.default_rng(1)
    lines = []
    for step in range(1, n + 1):
        epoch = step / 105
        values = {
            "train/loss": 0.06 + 1.55 * np.exp(-step / 45) + abs(0.12 * rng.standard_normal()),
            "train/learning_rate": 5e-5 * min(step / 20, (n - step + 1) / (n - 20)),
            "train/grad_norm": 1.5 + 4 * np.exp(-step / 60) + abs(0.8 * rng.standard_normal()),
            "train/tokens_per_second": 5200 + 300 * rng.standard_normal(),
        }
        if step % 35 == 0:
            values["eval/loss"] = 0.17 + 1.2 * np.exp(-step / 40) + 0.0002 * step
            values["eval/accuracy"] = 0.955 - 0.5 * np.exp(-step / 45)
            values["eval/f1_macro"] = 0.952 - 0.6 * np.exp(-step / 45)
        lines += [
            {"step": step, "epoch": epoch, "time": 1.7e9 + step, "name": k, "value": float(v)}
            for k, v in values.items()
        ]
    write_text(run.curves_file, "".join(json.dumps(line) + "\n" for line in lines))


def _write_result(run: Run) -> None:
    run.model.mkdir()
    write_json(
        run.result_file,
        {
            "run": str(run.path),
            "metrics": {},
            "baselines": {},
            "differences": {},
            "steps": 315,
            "epochs": 3.0,
            "seconds": 251.4,
            "tokens_per_second": 5213.0,
            "padding_share": 0.042,
            "peak_memory_bytes": 1_930_000_000,
            "training_memory": {"estimated": {"total": 1_400_000_000}, "measured_bytes": 1_500_000_000},
            "report": str(run.report_file),
            "best_step": 280,
            "parameters": 22_715_141,
            "stopped": COMPLETED,
        },
    )
