"""Whether the weights of a model are finite."""

from collections.abc import Iterable

import torch
from torch import Tensor


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every number of some tensors is finite: one pass over them, and one wait for the device.

    The smallest and largest value of each tensor tell, because nan is both. Unlike a sum or a norm, they do not
    overflow, and they are faster to compute than `isfinite`.
    """
    extremes = [
        extreme.float()
        for tensor in tensors
        if tensor.is_floating_point() and tensor.numel()
        for extreme in torch.aminmax(tensor.detach())
    ]
    return not extremes or bool(torch.isfinite(torch.stack(extremes)).all())
