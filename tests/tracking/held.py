"""What each tracker holds, read by other means than ours; and points to send to it."""

import csv
import json
import math
import sqlite3
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from luthier.tracking.base import Point, TrackedRun

Held = list[tuple[str, int, float]]

SPEED = "train/tokens_per_second"
VALUES = (0.5, math.nan, 1e-9, -3.25, math.inf, 7.0)
POINTS = [
    Point(step, step / 4, 1.7e9 + step, name, value)
    for step, value in enumerate(VALUES)
    for name in ("train/loss", *(("eval/accuracy",) if step % 2 else ()))
]


def keep_here(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the services keep what they receive in a directory; nothing leaves this machine."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (directory / "mlflow").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("TRACKIO_DIR", str(directory / "trackio"))
    if "trackio.sqlite_storage" in sys.modules:  # it has read the variable when it was imported
        monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", directory / "trackio")
    for name in ("WANDB_DIR", "WANDB_PROJECT", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def run(directory: Path, **changes: Any) -> TrackedRun:
    """What a tracker is told."""
    given = {
        "id": "a1b2c3",
        "name": "first",
        "project": None,
        "tags": ["reviews"],
        "directory": directory,
        "recipe": {"seed": 7, "model": {"name": "minilm", "adapter": None}},
        "environment": {"python": "3.11", "versions": {"torch": "2"}},
    }
    return TrackedRun(**(given | changes))


def of(points: Sequence[Point]) -> Held:
    return as_text((point.name, point.step, point.value) for point in points)


def as_text(points: Any) -> Any:
    """Sorted, and nan is like nan. A step that a resumed run repeats has another speed; the tracker keeps the first."""
    return sorted((name, step, repr(float(value)) if name != SPEED else "") for name, step, value in points)


def in_csv(directory: Path) -> Held:
    with (directory / "curves.csv").open(newline="") as file:
        return as_text((row["name"], int(row["step"]), float(row["value"])) for row in csv.DictReader(file))


def in_tensorboard(directory: Path) -> Held:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    names = events.Tags()["scalars"]
    return as_text((name, event.step, event.value) for name in names for event in events.Scalars(name))


def in_mlflow(experiment: str = "luthier") -> Held:
    from mlflow import MlflowClient

    client = MlflowClient()
    (found,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return as_text(
        (name, metric.step, metric.value)
        for name in found.data.metrics
        for metric in client.get_metric_history(found.info.run_id, name)
    )


def in_trackio(database: Path, run_id: str) -> Held:
    rows = sqlite3.connect(database).execute("SELECT step, metrics FROM metrics WHERE run_id = ?", [run_id])
    values = {"NaN": math.nan, "Infinity": math.inf}
    return as_text(
        (name, step, values.get(value, value)) for step, row in rows for name, value in json.loads(row).items()
    )


def in_wandb(directory: Path) -> Held:
    found = []
    for record in wandb_records(directory):
        row = {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        step = row.pop("step", None)
        found += [(name, step, value) for name, value in row.items() if not name.startswith("_")]
    return as_text(found)


def wandb_records(directory: Path) -> list[Any]:
    """The records in the files of Weights & Biases, which have the form of LevelDB's logs: block by block."""
    from wandb.proto.wandb_internal_pb2 import Record

    found, whole = [], b""
    for file in sorted(directory.glob("wandb/offline-run-*/run-*.wandb")):
        data = file.read_bytes()
        assert data[:4] == b":W&B"
        for start in range(0, len(data), 32768):
            block, at = data[start : start + 32768], 0 if start else 7
            while at + 7 <= len(block):
                length, kind = struct.unpack("<HB", block[at + 4 : at + 7])
                whole += block[at + 7 : at + 7 + length]
                at += 7 + length
                if kind in (1, 4):
                    found.append(Record.FromString(whole))
                    whole = b""
    return found
