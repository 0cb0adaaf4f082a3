"""The moving average of the weights: what it is, in both engines, after a resume, and in the model and out again."""

import random
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from luthier.engines import checkpoints, engine_named
from luthier.engines.averages import Ema, evaluated
from luthier.engines.base import Training
from luthier.errors import RecipeError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from tests.engines.helpers import ENGINES, prepared_data, run_steps, same_weights, weights, with_settings

DECAY = 0.6  # low enough that the warm-up, (1 + n) / (10 + n), ends after 13 steps
SETTINGS = {"training__ema_decay": DECAY, "training__epochs": 8.0, "training__learning_rate": 1e-3}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    """40 rows in batches of 16: 3 steps an epoch."""
    return prepared_data(tmp_path_factory.mktemp("data"), tiny_model, n=40)


def averaged(training: Training) -> dict[str, torch.Tensor]:
    assert training.ema is not None
    with evaluated(training.optimizer, training.ema):
        return weights(training.model)


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_the_recurrence_over_the_weights_of_every_step(data: Prepared, engine: str) -> None:
    training = assemble(with_settings(data, training__engine=engine, **SETTINGS))
    expected = weights(training.model)

    def by_hand(step: object) -> bool:
        n = training.state.step
        decay = min(DECAY, (1 + n) / (10 + n))
        for name, weight in weights(training.model).items():
            expected[name] = decay * expected[name] + (1 - decay) * weight
        return False

    engine_named(engine)(training, by_hand)
    assert training.state.step == 24
    torch.testing.assert_close(averaged(training), expected, rtol=1e-5, atol=1e-7)
    assert not same_weights(averaged(training), weights(training.model))


def test_both_engines_average_alike_and_averaging_changes_no_step(data: Prepared) -> None:
    plain, _ = run_steps(data, **SETTINGS | {"training__ema_decay": None})
    (one, loop), (other, trainer) = (run_steps(data, training__engine=engine, **SETTINGS) for engine in ENGINES)
    assert one.losses == plain.losses and same_weights(one.weights, plain.weights)
    assert other.losses == pytest.approx(one.losses, rel=1e-5)
    torch.testing.assert_close(averaged(loop), averaged(trainer), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("engine", "resumed_by"), [("loop", "loop"), ("loop", "trainer"), ("trainer", "loop")])
def test_a_restored_average_goes_on_bit_for_bit(data: Prepared, tmp_path: Path, engine: str, resumed_by: str) -> None:
    def started(by: str, steps: int) -> Training:
        training = assemble(with_settings(data, training__engine=by, model__dropout=0.2, **SETTINGS))
        engine_named(by)(training, lambda step: step.step == steps)
        return training

    uninterrupted, training = started(engine, 24), started(engine, 4)
    saved = checkpoints.save(training, tmp_path, {}, keep=2)
    for scatter in (torch.manual_seed, random.seed, np.random.seed):  # whatever happened in between
        scatter(99)
    other = assemble(with_settings(data, training__engine=resumed_by, model__dropout=0.2, **SETTINGS))
    checkpoints.restore(other, saved)
    assert same_weights(averaged(other), averaged(training))
    engine_named(resumed_by)(other, lambda step: False)
    assert other.state.step == uninterrupted.state.step == 24
    assert same_weights(averaged(other), averaged(uninterrupted))


def test_the_model_gets_the_average_and_its_own_weights_back_also_after_an_error() -> None:
    model = nn.Linear(2, 2)
    optimizer, ema = torch.optim.SGD(model.parameters()), Ema(model, 0.5)
    first = weights(model)
    with torch.no_grad():
        model.weight += 1.0
    moved = weights(model)
    with suppress(ZeroDivisionError), evaluated(optimizer, ema):
        assert same_weights(weights(model), first)
        raise ZeroDivisionError
    assert same_weights(weights(model), moved)
    with evaluated(optimizer):
        assert same_weights(weights(model), moved)


def test_only_trainable_parameters_are_averaged_and_tied_ones_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(5, 3)
            self.body = nn.Linear(3, 3)
            self.head = nn.Linear(3, 5, bias=False)
            self.head.weight = self.embedding.weight
            self.body.requires_grad_(False)

    model = Tied()
    ema = Ema(model, 0.5)
    assert list(ema.state_dict()) == ["embedding.weight"]
    model.embedding.weight.data += 1.0
    ema.update(20)
    with ema.in_place():
        assert model.head.weight is model.embedding.weight
    gap = model.embedding.weight - ema.state_dict()["embedding.weight"]
    torch.testing.assert_close(gap, torch.full((5, 3), 0.5))


def test_an_average_follows_the_model_to_another_precision() -> None:
    model = nn.Linear(2, 2)
    ema = Ema(model, 0.5)
    model.double()
    ema.update(1)
    assert {average.dtype for average in ema.state_dict().values()} == {torch.float64}


def test_a_restarted_average_is_the_weights_as_they_are_now() -> None:
    model = nn.Linear(2, 2)
    ema = Ema(model, 0.5)
    with torch.no_grad():
        model.weight += 1.0
    ema.update(20)
    assert not torch.equal(ema.state_dict()["weight"], model.weight)
    ema.restart()
    assert same_weights(ema.state_dict(), weights(model))
    with torch.no_grad():
        model.weight += 1.0
    torch.testing.assert_close(ema.state_dict()["weight"], model.weight - 1.0)
    ema.update(20)
    torch.testing.assert_close(ema.state_dict()["weight"], model.weight - 0.5)


def test_a_schedule_free_optimizer_is_refused(data: Prepared) -> None:
    settings = {"training__optimizer": "adamw_schedule_free", "training__lr_scheduler_type": "constant"}
    with pytest.raises(RecipeError, match="adamw_schedule_free averages the weights itself") as caught:
        assemble(with_settings(data, **settings, **SETTINGS))
    assert caught.value.where == "training.ema_decay" and "remove ema_decay" in caught.value.hint
