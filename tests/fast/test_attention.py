"""Attention step by step gives what SDPA gives, with every kind of mask."""

import pytest
import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from luthier.fast.attention import SIDE, attention, mask
from luthier.fast.layout import ACTIVE, Forward, Side

B, HEADS, T, D = 3, 4, 6, 8


class Layer(nn.Module):
    """What SDPA asks an attention module."""

    def __init__(self, groups: int, *, causal: bool) -> None:
        super().__init__()
        self.num_key_value_groups, self.is_causal = groups, causal


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_sdpa_and_so_is_its_gradient(groups: int, causal: bool, masked: bool) -> None:
    torch.manual_seed(0)
    shapes = (B, HEADS, T, D), (B, HEADS // groups, T, D), (B, HEADS // groups, T, D)
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    seen = (torch.arange(T) < torch.tensor([[6], [2], [4]]))[:, None, None].expand(B, 1, T, T) if masked else None
    if seen is not None and causal:
        seen = seen & torch.ones(T, T, dtype=torch.bool).tril()
    numbers = None if seen is None else torch.zeros(()).where(seen, torch.finfo(torch.float32).min)
    layer = Layer(groups, causal=causal)
    ours, _ = attention(layer, *inputs, numbers, scaling=0.3, **{SIDE: Side(explicit=True)})
    theirs, _ = sdpa_attention_forward(layer, *inputs, seen, scaling=0.3)
    assert torch.allclose(ours, theirs, atol=1e-6)
    weights = torch.randn_like(ours)
    for one, other in zip(
        torch.autograd.grad((ours * weights).sum(), inputs),
        torch.autograd.grad((theirs * weights).sum(), inputs),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-5)


def test_outside_of_a_pass_it_is_sdpa() -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(B, HEADS, T, D) for _ in range(3)]
    layer = Layer(1, causal=False)
    assert attention(layer, *inputs, None)[0].equal(sdpa_attention_forward(layer, *inputs, None)[0])


def test_weights_are_dropped_and_scaled() -> None:
    torch.manual_seed(0)
    query, key = (torch.zeros(1, 1, 1, 400, requires_grad=True) for _ in range(2))
    value = torch.ones(1, 1, 1, 400)
    found = [
        attention(Layer(1, causal=False), query, key, value, None, dropout=0.5, **{SIDE: Side(explicit=True)})[0]
        for _ in range(20)
    ]
    assert {float(one.max()) for one in found} == {0.0, 2.0}


def test_a_mask_becomes_numbers_within_a_pass() -> None:
    options = {
        "batch_size": 2,
        "q_length": 3,
        "kv_length": 3,
        "attention_mask": torch.tensor([[1, 1, 0], [1, 1, 1]]).bool(),
    }
    outside = mask(**options)
    token = ACTIVE.set(Forward())
    inside = mask(**options)
    ACTIVE.reset(token)
    assert outside is not None
    assert inside is not None
    assert outside.dtype == torch.bool
    assert inside.eq(0).equal(outside)
