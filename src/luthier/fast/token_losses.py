"""The losses of tokens without their logits: the last matrix product and the cross-entropy, some tokens at a time.

The logits of a batch are its largest tensor where the vocabulary is large, and cross-entropy holds them several times.
Here those of a few tokens exist at once, in training with the gradient that they have; none are computed for tokens
without a label. Hsu et al. 2024 ("Liger Kernel", arXiv:2410.10989, section 3.2) do the same on GPUs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

MOST_LOGITS = 2**24  # at once: 64 MiB in float32


class TokenLosses(NamedTuple):
    """Losses of n tokens.

    Args:
        total: [] the sum, label smoothing included; differentiable once.
        each: [n] negative log-likelihoods.
    """

    total: Tensor
    each: Tensor


def token_losses(hidden: Tensor, head: nn.Linear, targets: Tensor, smoothing: float = 0.0) -> TokenLosses:
    """The cross-entropy of tokens, as `torch.nn.functional.cross_entropy` computes it from logits in float32.

    Args:
        hidden: [n, d], what the logits are computed from.
        head: The output layer, d to v.
        targets: [n] ids of tokens.
        smoothing: As `label_smoothing` there.
    """
    kind = hidden.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
    with torch.autocast(kind, enabled=False):
        found = _Summed.apply(hidden, head.weight, head.bias, targets, smoothing, dtype)  # type: ignore[no-untyped-call]
        return TokenLosses(*found)


class _Summed(torch.autograd.Function):
    """The gradient of the sum is known with the losses, so it is computed with them, and nothing twice."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        smoothing: float,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        each, total = hidden.new_empty(len(hidden), dtype=torch.float32), hidden.new_zeros((), dtype=torch.float32)
        gradients = [
            torch.zeros_like(value) if value is not None and needed else None
            for value, needed in zip((hidden, weight, bias), ctx.needs_input_grad, strict=False)
        ]
        cast, cast_bias = weight.to(dtype), None if bias is None else bias.to(dtype)
        most = max(1, MOST_LOGITS // len(weight))
        for start in range(0, len(hidden), most):
            part = slice(start, start + most)
            some, wanted = hidden[part].to(dtype), targets[part].unsqueeze(-1)
            logits = functional.linear(some, cast, cast_bias).float()
            scale = logits.logsumexp(-1, keepdim=True)
            nll = scale - logits.gather(-1, wanted)
            each[part] = nll.squeeze(-1)
            total += nll.sum()
            if smoothing:
                total += smoothing * (scale - logits.mean(-1, keepdim=True) - nll).sum()
            if any(gradient is not None for gradient in gradients):
                slope = logits.sub_(scale).exp_().sub_(smoothing / len(weight))
                slope.scatter_add_(-1, wanted, slope.new_full(wanted.shape, smoothing - 1))
                _add(gradients, part, slope.to(dtype), some, cast)
        ctx.gradients = gradients
        ctx.mark_non_differentiable(each)
        return total, each

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, None  # the weight's is as large as the vocabulary: it is not copied
        return *(gradient if gradient is None else gradient.mul_(slope) for gradient in gradients), None, None, None


def _add(gradients: Sequence[Tensor | None], part: slice, slope: Tensor, hidden: Tensor, weight: Tensor) -> None:
    """Add what some tokens contribute to the gradients of hidden states, weight and bias.

    Args:
        gradients: Of all tokens; None where none is needed.
        part: Which tokens.
        slope: [n, v] derivatives of their losses by their logits.
        hidden: [n, d] of them.
        weight: [v, d]
    """
    of_hidden, of_weight, of_bias = gradients
    if of_hidden is not None:
        of_hidden[part] = slope @ weight
    if of_weight is not None and of_weight.dtype == slope.dtype:
        of_weight.addmm_(slope.T, hidden)
    elif of_weight is not None:
        of_weight += slope.T @ hidden
    if of_bias is not None:
        of_bias += slope.sum(0)
