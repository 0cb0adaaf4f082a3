"""What is predicted, and with which model."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.training.cases import DATA

SHORT = ("--model", "minilm", "--set", "evaluation.baselines=false", "--set", "eval_on_start=false")
PLAIN = (*SHORT, "--set", "calibrate=false")  # scores as the pipeline has them
TAGS = ("--task", "token-classification", "--max-steps", "60", "--batch-size", "8", "--lr", "3e-4")


@dataclass(frozen=True)
class Case:
    """What is predicted.

    Args:
        data: Name of one of `bench.training.cases.DATA`.
        task: Of the pipeline.
        rows: Rows, unless the command says how many.
        columns: Those of a row that are given to both sides.
        options: Of `luthier train`, for a model that has learned a little; empty for SmolLM2 as it is.
    """

    data: str
    task: str
    rows: int
    columns: tuple[str, ...] = ("text",)
    options: tuple[str, ...] = ()

    def inputs(self, data: Path, rows: int) -> list[Mapping[str, Any]]:
        """The first rows of the training data, with the columns that are given."""
        found = DATA[self.data].read(data, "train")[:rows]
        return [{name: row[name] for name in self.columns} for row in found]

    def model(self, data: Path, work: Path) -> str:
        """The name of a model, or of a run, which is trained unless the folder has it."""
        if not self.options:
            return "smollm2"
        run = work / self.data
        if not (run / "model").is_dir():
            train, valid = DATA[self.data].files(data, work / "data", 1, "validation")
            command = [sys.executable, "-m", "luthier", "train", str(train), "--valid", str(valid), "-q"]
            subprocess.run([*command, "--run-dir", str(run), *self.options], check=True, stdout=sys.stderr)
        return str(run)


CASES = {
    "sst2": Case(
        "sst2", "text-classification", 6_000, options=(*PLAIN, "--max-steps", "20", "--set", "train_rows=400")
    ),
    "bbc": Case(
        "bbc",
        "text-classification",
        200,
        options=(*PLAIN, "--max-steps", "10", "--set", "train_rows=100", "--set", "max_length=512"),
    ),
    "wnut17": Case("wnut17", "token-classification", 2_000, ("tokens",), (*SHORT, *TAGS, "--set", "train_rows=480")),
    "alpaca": Case("alpaca", "text-generation", 32, ("instruction", "input")),
}
