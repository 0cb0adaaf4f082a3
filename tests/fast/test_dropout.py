"""Masks from the fast generator: their rate, scale and independence, and what draws them again."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from transformers import AutoModelForSequenceClassification

from luthier.fast.dropout import Dropout, Functional, drop, replace_dropout

N = 400_000


@given(st.floats(0.01, 0.9))
def test_a_value_is_dropped_or_scaled(p: float) -> None:
    torch.manual_seed(0)
    kept = drop(torch.ones(1_000, dtype=torch.float64), p).unique()
    assert all(value == 0 or value == pytest.approx(1 / (1 - p), rel=1e-3) for value in kept.tolist())


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_the_rate_is_that_of_torch_within_noise(p: float) -> None:
    torch.manual_seed(1)
    ours, theirs = drop(torch.ones(N), p), functional.dropout(torch.ones(N), p)
    noise = 5 * (p * (1 - p) / N) ** 0.5
    for values in (ours, theirs):
        assert values.eq(0).float().mean() == pytest.approx(p, abs=noise)
        assert values.mean() == pytest.approx(1, abs=noise / (1 - p) + 1e-4)


def test_masks_are_independent_of_each_other_and_along_the_row() -> None:
    torch.manual_seed(2)
    one, other = (drop(torch.ones(N), 0.5).ne(0).double() for _ in range(2))
    limit = 5 / N**0.5
    assert abs(torch.corrcoef(torch.stack([one, other]))[0, 1]) < limit
    for lag in (1, 2, 3, 4, 16, 64):
        assert abs(torch.corrcoef(torch.stack([one[:-lag], one[lag:]]))[0, 1]) < limit


def test_the_state_is_torchs_own() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second = drop(torch.ones(100), 0.3), drop(torch.ones(100), 0.3)
    assert not first.equal(second)
    torch.set_rng_state(state)
    assert drop(torch.ones(100), 0.3).equal(first)


def test_the_gradient_has_the_mask_of_the_values() -> None:
    values = torch.randn(50, requires_grad=True)
    dropped = drop(values, 0.4)
    (gradient,) = torch.autograd.grad(dropped.sum(), values)
    assert (gradient * values).equal(dropped)


@pytest.mark.parametrize("p", [0.0, 1e-7, 1.0])
def test_probabilities_at_the_ends(p: float) -> None:
    for values in (drop(torch.ones(10), p), Dropout(p)(torch.ones(10))):
        assert values.tolist() == pytest.approx([0.0 if p == 1 else 1.0] * 10)


def test_functions_are_replaced_only_within_the_mode() -> None:
    torch.manual_seed(4)
    ours = drop(torch.ones(100), 0.5)
    torch.manual_seed(4)
    with Functional():
        assert functional.dropout(torch.ones(100), 0.5).equal(ours)
        assert functional.dropout(torch.ones(100), 0.5, training=False).equal(torch.ones(100))
    torch.manual_seed(4)
    assert not functional.dropout(torch.ones(100), 0.5).equal(ours)


def test_the_modules_of_a_model_are_replaced_and_its_weights_stay(tiny_model: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert replace_dropout(model) > 0
    assert all(isinstance(module, Dropout) for module in model.modules() if isinstance(module, nn.Dropout))
    assert model.state_dict().keys() == before.keys()
    assert replace_dropout(model) == 0  # they are replaced once
