"""The norm of gradients, its limit, and the guard that skips all updates after a loss or norm that is not finite."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from luthier.engines.gradients import clip, guard, total_norm
from luthier.engines.optimizers import make_optimizer
from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.recipe import TrainingRecipe

FINE = torch.tensor(1.0)
KINDS = [kind.name for kind in BUILT_IN if kind.runs_on(torch.device("cpu"))]


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


@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=40), min_size=1, max_size=5))
def test_the_norm_is_that_of_torch(values: list[list[float]]) -> None:
    gradients = [torch.tensor(one) for one in values]
    torch.testing.assert_close(total_norm(gradients), nn.utils.get_total_norm(gradients))


def test_the_norm_takes_gradients_of_any_layout_and_precision() -> None:
    gradients = [torch.randn(5, 4).t(), torch.randn(3, 2, 2)]
    torch.testing.assert_close(total_norm(gradients), nn.utils.get_total_norm(gradients))
    halves = [one.to(torch.bfloat16) for one in gradients]
    assert torch.equal(total_norm(halves), nn.utils.get_total_norm(halves))
    assert total_norm([]) == 0


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("most", [0.01, 1e9])
def test_an_update_is_that_of_gradients_that_torch_has_clipped(name: str, most: float) -> None:
    torch.manual_seed(0)
    (ours, optimizer), (plain, reference) = optimizer_of(name), optimizer_of(name)
    plain.load_state_dict(ours.state_dict())
    for step in range(3):
        for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
            one.grad = torch.randn(one.shape) * 10**step
            other.grad = one.grad.clone()
        norm, healthy = clip(optimizer, ours.parameters(), FINE, most)
        torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(plain.parameters(), most))
        assert bool(healthy)
        optimizer.step()
        reference.step()
        torch.testing.assert_close(list(ours.parameters()), list(plain.parameters()))


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_a_gradient_that_is_not_finite_makes_no_update(name: str) -> None:
    model, optimizer = optimizer_of(name)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, math.inf)
    norm, healthy = clip(optimizer, model.parameters(), FINE, 1.0)
    optimizer.step()
    assert not math.isfinite(norm) and not bool(healthy)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
