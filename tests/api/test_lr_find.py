"""`lr_find`: the steps of a training at rising rates, and nothing left behind."""

from pathlib import Path

import pytest

import luthier
from luthier.errors import UsageError
from tests.conftest import PLAIN_BY_NAME, review_rows

ROWS = review_rows(80)
QUICK = PLAIN_BY_NAME | {"precision": "fp32", "learning_rate": 1e-3, "batch_size": 4}


@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_the_steps_are_those_of_a_training_at_rising_rates(
    engine: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = luthier.lr_find(ROWS, steps=24, model=str(tiny_model), engine=engine, output=tmp_path / "lr.svg", **QUICK)
    rates = found.test.rates
    assert 0 < len(found.test.losses) == len(rates) <= 24
    assert rates[0] == pytest.approx(1e-5) and rates[1] / rates[0] == pytest.approx(1e5 ** (1 / 23))
    # The lowest rates change nothing, so that the first losses are those of a training with the same rows.
    losses: list[float] = []
    listener = ("step", lambda event: losses.append(event.loss))
    luthier.train(
        ROWS, model=str(tiny_model), callbacks=[listener], max_steps=1, logging_steps=1, engine=engine, **QUICK
    )
    assert losses[0] == pytest.approx(found.test.losses[0], rel=1e-5)
    assert found.to_dict()["learning_rate"] == found.learning_rate and found.to_dict()["usual"] == 1e-3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lr.svg", "runs"]


def test_too_few_steps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 steps show no curve"):
        luthier.lr_find(ROWS, steps=3)
