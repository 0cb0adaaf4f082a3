"""`luthier lr-find`: what it prints, and the command that it ends with."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from luthier.cli import main
from luthier.cli.commands.learning_curves.lr_find import _training
from tests.conftest import review_rows, write_csv


def test_the_next_command_trains_what_was_tested() -> None:
    changes = {"model.name": "my model", "training.learning_rate": 1.0, "data.allow": ["a", "b"], "seed": 3}
    command = _training(["my data.csv"], changes, 0.00012)
    assert shlex.split(command) == [
        *("luthier", "train", "my data.csv"),
        *("--set", "model.name=my model", "--set", 'data.allow=["a", "b"]', "--set", "seed=3"),
        *("--lr", "0.00012"),
    ]


def test_wrong_options_are_told_before_the_data_is_read(capsys: Any, tmp_path: Path) -> None:
    data = str(write_csv(tmp_path / "rows.csv", review_rows(20)))
    assert main(["lr-find", data, "--output", "lr.pdf"]) == 2
    assert main(["lr-find", data, "--steps", "3"]) == 2
    assert "3 steps show no curve" in capsys.readouterr().err


def test_one_json_object_is_printed(
    tiny_model: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = str(write_csv(tmp_path / "rows.csv", review_rows(60)))
    options = ["--model", str(tiny_model), "--batch-size", "4", "--set", "learning_rate=1e-3", "--steps", "20"]
    assert main(["lr-find", data, *options, "--json"]) == 0
    assert capsys.readouterr().out.startswith('{"learning_rate": ')
    options[2:4] = ["--tokens-per-batch", "64"]
    assert main(["lr-find", data, *options, "-q"]) == 0
    assert "suggestion" in capsys.readouterr().out
