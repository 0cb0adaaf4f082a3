"""A place with good data, a good model and a finished run, in which each case of wrong input breaks one thing."""

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PLAIN, review_rows, write_csv

Rows = list[dict[str, object]]
# For a training as that of the finished run, with `--epochs`.
PLAIN_WORDS = [word for key, value in PLAIN.items() if key != "training.epochs" for word in ("--set", f"{key}={value}")]


@dataclass(frozen=True)
class Scene:
    """What a case may break.

    Args:
        folder: The working directory; holds `reviews.csv`, 60 rows.
        tiny: A model directory, not to be changed: `model` copies it.
        done: A finished run, not to be changed: `run` copies it.
    """

    folder: Path
    tiny: Path
    done: Path

    def train(self, *words: str) -> list[str]:
        """The words of a training that would be done in a second, on `reviews.csv` unless a file is named first."""
        data = [] if words and not words[0].startswith("--") else ["reviews.csv"]
        model = [] if "--model" in words else ["--model", str(self.tiny)]
        precision = [] if "--precision" in words else ["--precision", "fp32"]
        return ["train", *data, *words, *model, *precision, "--run-dir", "out"]

    def csv(self, name: str, rows: Rows) -> str:
        write_csv(self.folder / name, rows)
        return name

    def rows(self, change: Callable[[int, dict[str, object]], Mapping[str, object]], n: int = 60) -> str:
        """`changed.csv`: good rows, each put through a change."""
        return self.csv("changed.csv", [dict(change(i, row)) for i, row in enumerate(review_rows(n))])

    def file(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def model(self, **config: Any) -> Path:
        """A copy of the tiny model with other entries in its configuration; None takes one out."""
        return self._changed(self.tiny, "model", config)

    def run(self) -> Path:
        """A copy of the finished run."""
        target = self.folder / "run"
        shutil.copytree(self.done, target)
        return target

    def of_another_family(self, **config: Any) -> Path:
        """A model directory with the tiny model's tokenizer and weights, and a configuration of another kind."""
        target = self.model()
        (target / "config.json").write_text(json.dumps(config))
        return target

    def unfinished_run(self) -> Path:
        """A run that was stopped after its checkpoints and before its score."""
        run = self.run()
        for name in ("result.json", "metrics.json", "report.html", "predictions.parquet"):
            (run / name).unlink()
        shutil.rmtree(run / "model")
        return run

    def _changed(self, source: Path, name: str, config: Mapping[str, Any]) -> Path:
        target = self.folder / name
        shutil.copytree(source, target)
        file = target / "config.json"
        values = json.loads(file.read_text()) | dict(config)
        file.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
        return target


def finished(folder: Path) -> set[str]:
    """Everything below a folder that looks like the end of a run."""
    names = {"result.json", "model", "report.html", "metrics.json"}
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name in names}


def pickled_call(path: Path) -> bytes:
    """A pickle that makes a directory when it is loaded."""
    return pickle.dumps(_Call(str(path)))


@dataclass(frozen=True)
class _Call:
    path: str

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.path,)


def truncated(file: Path) -> None:
    """Cut a file in half."""
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def flipped(file: Path, position: int) -> None:
    """Flip one bit of a file."""
    data = bytearray(file.read_bytes())
    data[position] ^= 0x10
    file.write_bytes(bytes(data))


def huge_header(file: Path) -> None:
    """Let a safetensors file claim a header of 100 GB."""
    data = file.read_bytes()
    file.write_bytes(struct.pack("<Q", 100_000_000_000) + data[8:])
