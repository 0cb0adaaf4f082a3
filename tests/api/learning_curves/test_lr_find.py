"""`lr_find`: the steps of a training at rising rates, and nothing left behind."""

from pathlib import Path

import numpy as np
import pytest

import luthier
from luthier.errors import UsageError
from tests.conftest import PLAIN_BY_NAME, review_rows

ROWS = review_rows(80)
QUICK = PLAIN_BY_NAME | {"precision": "fp32", "learning_rate": 1e-3, "batch_size": 4}


def still_losses(engine: str, model: Path) -> list[float]:
    """The losses of the same steps in a training at a rate of (almost) 0."""
    losses: list[float] = []
    listener = ("step", lambda event: losses.append(event.loss))
    still = QUICK | {"learning_rate": 1e-12, "logging_steps": 1, "epochs": 20.0, "max_steps": 24}
    luthier.train(
        ROWS, run_dir=model.parent / f"still-{engine}", model=str(model), callbacks=[listener], engine=engine, **still
    )
    return losses


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_the_steps_are_those_of_a_training_at_rising_rates(
    engine: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = luthier.lr_find(ROWS, steps=24, model=str(tiny_model), engine=engine, output=tmp_path / "lr.svg", **QUICK)
    rates = found.test.rates
    assert 0 < len(found.test.losses) == len(rates) <= 24
    assert rates[0] == pytest.approx(1e-5) and rates[1] / rates[0] == pytest.approx(1e5 ** (1 / 23))
    # The first step has not learned yet, at any rate.
    assert found.test.losses[0] == pytest.approx(np.mean(still_losses(engine, tiny_model)), rel=1e-5)
    assert found.to_dict()["learning_rate"] == found.learning_rate and found.to_dict()["usual"] == 1e-3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lr.svg"]


def test_too_few_steps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 steps show no curve"):
        luthier.lr_find(ROWS, steps=3)
