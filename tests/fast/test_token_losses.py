"""Losses of tokens without their logits are those of `cross_entropy`, and so are their gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from luthier.fast import token_losses as module
from luthier.fast.token_losses import token_losses

WORDS, WIDTH = 11, 6


def plain(hidden: Tensor, head: nn.Linear, targets: Tensor, smoothing: float) -> Tensor:
    return functional.cross_entropy(head(hidden).float(), targets, reduction="sum", label_smoothing=smoothing)


def gradients(loss: Tensor, *values: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss * 0.3, values))


@given(
    n=st.integers(0, 9),
    most=st.sampled_from([1, 2 * WORDS, 4 * WORDS, 100 * WORDS]),
    bias=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 99),
)
def test_losses_and_gradients_are_those_of_cross_entropy(
    n: int, most: int, bias: bool, smoothing: float, seed: int
) -> None:
    with torch.random.fork_rng(), pytest.MonkeyPatch.context() as patch:
        torch.manual_seed(seed)
        patch.setattr(module, "MOST_LOGITS", most)
        head, hidden = nn.Linear(WIDTH, WORDS, bias=bias), torch.randn(n, WIDTH, requires_grad=True)
        targets = torch.randint(WORDS, (n,))
        found, wanted = token_losses(hidden, head, targets, smoothing), plain(hidden, head, targets, smoothing)
        values = hidden, *head.parameters()
        for one, other in zip(gradients(found.total, *values), gradients(wanted, *values), strict=True):
            assert torch.allclose(one, other, atol=1e-6)
        assert torch.allclose(found.total, wanted, atol=1e-5)
        assert torch.allclose(found.each.sum(), plain(hidden, head, targets, 0.0), atol=1e-5)


def test_a_frozen_layer_gets_no_gradient_and_hidden_states_do() -> None:
    head = nn.Linear(WIDTH, WORDS).requires_grad_(False)
    hidden = torch.randn(4, WIDTH, requires_grad=True)
    token_losses(hidden, head, torch.arange(4)).total.backward()
    assert hidden.grad is not None
    assert head.weight.grad is None


def test_a_second_derivative_is_refused() -> None:
    head, hidden = nn.Linear(WIDTH, WORDS), torch.randn(4, WIDTH, requires_grad=True)
    (gradient,) = torch.autograd.grad(token_losses(hidden, head, torch.arange(4)).total, hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.sum().backward()


def test_within_autocast_products_are_in_its_precision_and_gradients_in_that_of_the_weights() -> None:
    head, hidden = nn.Linear(WIDTH, WORDS), torch.randn(4, WIDTH, requires_grad=True)
    targets, values = torch.arange(4), (hidden, head.weight, head.bias)
    with torch.autocast("cpu", torch.bfloat16):
        found, wanted = token_losses(hidden, head, targets).total, plain(hidden, head, targets, 0.0)
    assert found.dtype == torch.float32
    assert torch.allclose(found, wanted)
    assert not torch.equal(found, token_losses(hidden, head, targets).total)
    for one, other in zip(gradients(found, *values), gradients(wanted, *values), strict=True):
        assert one.dtype == torch.float32
        assert torch.allclose(one, other, rtol=0.02, atol=1e-3)


def test_only_some_logits_exist_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LOGITS", 3 * WORDS)
    sizes, linear = [], functional.linear

    def noted(*args: Tensor) -> Tensor:
        logits = linear(*args)
        sizes.append(len(logits))
        return logits

    monkeypatch.setattr(functional, "linear", noted)
    token_losses(torch.randn(8, WIDTH, requires_grad=True), nn.Linear(WIDTH, WORDS), torch.arange(8)).total.backward()
    assert sizes == [3, 3, 2]
