"""The state of a training, and the guard that skips all updates after a loss or gradient that is not finite."""

import json
import math
from dataclasses import asdict

import pytest
import torch
from torch import nn

from luthier.engines.base import TrainState, guard
from luthier.engines.optimizers import make_optimizer
from luthier.engines.ranking import Evaluated
from luthier.recipe import TrainingRecipe

FINE = torch.tensor(1.0)


def optimizer_of(name: str = "adamw") -> tuple[nn.Linear, torch.optim.Optimizer]:
    model = nn.Linear(3, 2)
    return model, make_optimizer(model, TrainingRecipe(optimizer=name, learning_rate=0.1), torch.device("cpu"))


def update(model: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    """Run a step with gradients of 1; whether the weights changed."""
    before = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moved = [not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
    assert len(set(moved)) == 1
    return moved[0]


@pytest.mark.parametrize(
    ("loss", "norm", "healthy"),
    [
        (1.0, 2.0, True),
        (0.0, 0.0, True),
        (math.nan, 2.0, False),
        (math.inf, 2.0, False),
        (-math.inf, 2.0, False),
        (1.0, math.nan, False),
        (1.0, math.inf, False),
    ],
)
def test_a_step_is_healthy_if_loss_and_gradient_are_finite(loss: float, norm: float, healthy: bool) -> None:
    _, optimizer = optimizer_of()
    found = guard(optimizer, torch.tensor(loss), torch.tensor(norm))
    assert found.dtype == torch.bool and found.shape == ()
    assert bool(found) is healthy


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_after_an_unhealthy_step_all_updates_are_skipped(name: str) -> None:
    model, optimizer = optimizer_of(name)
    assert bool(guard(optimizer, FINE, FINE)) and update(model, optimizer)
    state = [{key: value.clone() for key, value in one.items()} for one in optimizer.state.values()]
    assert not bool(guard(optimizer, FINE * math.nan, FINE)) and not update(model, optimizer)
    assert not bool(guard(optimizer, FINE, FINE)) and not update(model, optimizer), "the flag is sticky"
    for before, after in zip(state, optimizer.state.values(), strict=True):
        assert all(torch.equal(value, after[key]) for key, value in before.items()), "the moments are unchanged"


def test_the_state_survives_json() -> None:
    state = TrainState(
        step=7, tokens=90, padded_tokens=100, seconds=1.5, best_step=4, best_value=0.25, stopped="enough"
    )
    assert TrainState(**json.loads(json.dumps(state.to_dict()))) == state
    state.ema_best, state.ranked = Evaluated(6, 0.5, 0.1), [Evaluated(2, 0.3, math.inf), Evaluated(5, 0.2, 0.4)]
    assert TrainState(**json.loads(json.dumps(state.to_dict()))) == state
    assert state.best_steps == {2, 4, 5, 6} and state.best is not None and state.best.value == 0.25
    assert TrainState().to_dict() == asdict(TrainState())
    assert (TrainState().step, TrainState().best_step, TrainState().stopped) == (0, None, "")
