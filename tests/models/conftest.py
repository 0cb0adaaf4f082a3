"""Copies of the tiny model that a test may spoil."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Callable[..., Path]:
    """`model(num_hidden_layers=3)` is a copy with other entries in its config.json; None takes one out."""

    def copy(**config: Any) -> Path:
        target = tmp_path / "model"
        shutil.copytree(tiny_model, target)
        values = json.loads((target / "config.json").read_text()) | config
        kept = {key: value for key, value in values.items() if value is not None}
        (target / "config.json").write_text(json.dumps(kept))
        return target

    return copy
