"""Muon and AdamW as one optimizer."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import AdamW, Muon
from torch.optim.lr_scheduler import LambdaLR

from luthier.engines.optimizers.kinds import MATRICES
from luthier.engines.optimizers.muon import MuonWithAdamW


def parts(seed: int = 0) -> tuple[nn.Parameter, nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return nn.Parameter(torch.randn(4, 6, generator=generator)), nn.Parameter(torch.randn(5, generator=generator))


def groups(matrix: nn.Parameter, vector: nn.Parameter) -> list[dict[str, Any]]:
    return [
        {"params": [matrix], MATRICES: True, "lr": 0.1, "weight_decay": 0.01},
        {"params": [vector], MATRICES: False, "lr": 0.2, "weight_decay": 0.0},
    ]


def step(optimizer: torch.optim.Optimizer, *parameters: nn.Parameter) -> None:
    for parameter in parameters:
        parameter.grad = parameter.detach().cos()
    optimizer.step()


def test_each_part_does_what_its_own_optimizer_does() -> None:
    (matrix, vector), (one, other) = parts(), parts()
    both = MuonWithAdamW(groups(matrix, vector), lr=1.0)
    muon = Muon([one], lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    adamw = AdamW([other], lr=0.2, weight_decay=0.0)
    for _ in range(3):
        step(both, matrix, vector)
        step(muon, one)
        step(adamw, other)
    torch.testing.assert_close((matrix, vector), (one, other))


@pytest.mark.parametrize("only", [0, 1])
def test_one_part_alone_is_enough(only: int) -> None:
    pair = parts()
    before = pair[only].detach().clone()
    optimizer = MuonWithAdamW([groups(*pair)[only]], lr=1.0)
    step(optimizer, pair[only])
    assert len(optimizer.parts) == 1 and not torch.equal(before, pair[only])


def test_a_schedule_sets_the_rates_of_both_also_after_loading() -> None:
    pair, again = parts(), parts()
    first = MuonWithAdamW(groups(*pair), lr=1.0)
    step(first, *pair)
    second = MuonWithAdamW(groups(*again), lr=1.0)
    second.load_state_dict(first.state_dict())
    for optimizer in (first, second):
        LambdaLR(optimizer, lambda step: 0.5)
        assert [group["lr"] for part in optimizer.parts for group in part.param_groups] == [0.05, 0.1]
