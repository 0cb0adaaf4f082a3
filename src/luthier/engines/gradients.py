"""The gradients of a step: their norm, its limit, and a guard against values that are not finite."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

EPSILON = 1e-6  # that torch adds to the norm in `clip_grads_with_norm_`


def clip(optimizer: Optimizer, parameters: Iterable[nn.Parameter], loss: Tensor, most: float) -> tuple[Tensor, Tensor]:
    """Limit the norm of the gradients in the next update, which is not made if the loss or the norm is not finite.

    Args:
        optimizer: Makes the update. A fused one divides the gradients as it reads them, without another pass.
        parameters: Those of the model.
        loss: Of the step.
        most: The largest norm.
    Returns:
        The norm before, and whether all values so far are finite.
    """
    trained = list(parameters)
    norm = total_norm([parameter.grad for parameter in trained if parameter.grad is not None])
    if optimizer.defaults.get("fused"):
        scale = ((norm + EPSILON) / most).clamp(min=1.0)
        optimizer.grad_scale = scale.float()  # type: ignore[attr-defined]  # as `found_inf` below
    else:
        nn.utils.clip_grads_with_norm_(trained, most, norm)
    return norm, guard(optimizer, loss, norm)


def total_norm(gradients: Sequence[Tensor]) -> Tensor:
    """The L2 norm of all gradients together.

    On a CPU by dot products, which use all threads and all of the memory's bandwidth; torch's norm uses one thread.
    """
    if gradients and all(one.device.type == "cpu" and one.dtype == torch.float32 for one in gradients):
        flat = [one.reshape(-1) for one in gradients]
        return torch.stack([torch.dot(one, one) for one in flat]).sum().sqrt()
    return nn.utils.get_total_norm(gradients)


def guard(optimizer: Optimizer, loss: Tensor, grad_norm: Tensor) -> Tensor:
    """Block this and every later update once a loss or gradient is not finite, without waiting for the device.

    A fused torch optimizer does not change parameters, moments and step count while its `found_inf` is 1, as
    `torch.amp.GradScaler` relies on (torch/amp/grad_scaler.py, `step`). The flag is sticky, so the weights stay those
    of the last good step until the host reads it.

    Returns:
        A bool on the device: True if all values so far are finite.
    """
    healthy = torch.isfinite(loss) & torch.isfinite(grad_norm)
    before = getattr(optimizer, "found_inf", None)
    found_inf = (~healthy).to(torch.float32) if before is None else torch.maximum((~healthy).to(torch.float32), before)
    optimizer.found_inf = found_inf  # type: ignore[attr-defined]  # torch documents no setter for it
    return found_inf == 0
