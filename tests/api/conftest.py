"""Runs that the functions look at: trained ones, each made once, and one that is written down without a model."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.matrix.data import rows as drawn
from tests.tasks import by_hand
from tests.tasks.conftest import built as built  # noqa: PLC0414  # fixtures, for this folder too
from tests.tasks.conftest import tuned as tuned  # noqa: PLC0414

ANSWER = "the old bird flew over the red house and swam home"


@pytest.fixture(scope="session")
def talker(built: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a tiny GPT-2 that takes 256 tokens and has learned an answer of a few words."""
    settings: dict[str, Any] = {
        "generation__max_new_tokens": 12,
        "training__learning_rate": 1e-2,
        "training__epochs": 4,
    }
    asked = [row["messages"][0] for row in drawn("chat", 60)]
    data = [{"messages": [turn, {"role": "assistant", "content": ANSWER}]} for turn in asked]
    return by_hand.run(tmp_path_factory.mktemp("talk"), built("GPT-2"), data, **settings)


@pytest.fixture(scope="session")
def run(tuned: Callable[[str], Path]) -> Path:
    """A finished run of a classifier, not to be changed."""
    return tuned("single/one")


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """A copy of the run, which a test may change."""
    return shutil.copytree(run, tmp_path / "run")
