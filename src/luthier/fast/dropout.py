"""Dropout on a CPU, with masks from a fast generator.

torch draws the masks of a CPU one number at a time (github.com/pytorch/pytorch/issues/138199). These are drawn 64 bits
at a time, by numpy's SFC64, which is seeded from torch's generator: a checkpoint needs no state beside torch's, and
gradient checkpointing, which restores torch's state, draws the same mask again.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

STEPS = 2**16  # a probability is rounded to 1 / STEPS, and what is kept is scaled by the rounded one
INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by their bytes


def drop(values: Tensor, p: float) -> Tensor:
    """Set each value to 0 with probability `p`, and scale the others by 1 / (1 - p).

    Args:
        values: Of any shape, on a CPU.
        p: At least 0 and less than 1.
    """
    dropped = round(p * STEPS)
    if not 0 < dropped < STEPS:
        return functional.dropout(values, p)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    bits = np.random.SFC64(seed).random_raw(-(-values.numel() // 4)).view(np.int16)[: values.numel()]
    kept = (bits >= np.int16(dropped - STEPS // 2)).view(np.int8)
    scale = torch.tensor(STEPS / (STEPS - dropped), dtype=values.dtype)
    integers = INTEGERS[values.element_size()]  # numpy has no bf16, but the bits of 0 are 0
    noise = torch.empty(values.shape, dtype=integers)  # torch's memory, which an estimate counts
    np.multiply(kept, scale.view(integers).numpy(), out=noise.view(-1).numpy())
    return values * noise.view(values.dtype)


class Dropout(nn.Dropout):
    """`nn.Dropout`, by `drop`."""

    def forward(self, input: Tensor) -> Tensor:
        return drop(input, self.p) if self.training and self.p else input


class Functional(TorchFunctionMode):
    """While it is entered, `torch.nn.functional.dropout` is `drop`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.dropout:
            return _dropout(*args, **kwargs)
        return func(*args, **kwargs)


def again() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """The contexts of the forward pass of a checkpointed layer and of its repetition (`torch.utils.checkpoint`).

    The first runs within `Functional` already; the second is part of the backward pass, outside of it.
    """
    return nullcontext(), Functional()


def _dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    return drop(input, p) if training and p else input


def replace_dropout(model: PreTrainedModel) -> int:
    """Replace the dropout modules of a model that is trained on a CPU; the number of those that drop anything."""
    found = [(name, module) for name, module in model.named_modules() if type(module) is nn.Dropout]
    for name, module in found:
        model.set_submodule(name, Dropout(module.p).train(module.training))
    return sum(module.p > 0 for _, module in found)
