"""The wrapper that skips updates while a flag is set."""

import torch
from torch import nn
from torch.optim import Adagrad

from luthier.engines.optimizers.guarded import guarded


def test_an_update_is_skipped_while_the_flag_is_set_and_the_flag_stays() -> None:
    kind = guarded(Adagrad)
    assert issubclass(kind, Adagrad) and kind.__name__ == "GuardedAdagrad"
    weight = nn.Parameter(torch.zeros(3))
    optimizer = kind([weight], lr=1.0)
    weight.grad = torch.ones(3)
    flag = torch.ones(())
    optimizer.found_inf = flag  # type: ignore[attr-defined]
    assert optimizer.step() is None and weight.eq(0).all()
    assert optimizer.found_inf is flag  # type: ignore[attr-defined]
    optimizer.found_inf = torch.zeros(())  # type: ignore[attr-defined]
    optimizer.step()
    assert weight.lt(0).all()


def test_a_scaler_skips_an_overflow_by_itself_and_lowers_its_scale() -> None:
    weight = nn.Parameter(torch.zeros(3))
    optimizer = guarded(Adagrad)([weight], lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(weight.sum() * float("inf")).backward()
    scaler.step(optimizer)
    scaler.update()
    assert weight.eq(0).all() and scaler.get_scale() == 2.0
    weight.grad = None
    scaler.scale(weight.sum()).backward()
    scaler.step(optimizer)
    assert weight.lt(0).all()
