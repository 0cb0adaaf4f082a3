"""Attention that takes packed rows, and is computed in the way that is cheapest on the device.

On a GPU that is flash attention over the packed rows (`varlen.py`) where a model allows it; on a CPU, in training, step
by step, which is cheaper than the fused kernel's backward pass. Else rows are padded for it, and SDPA computes it.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from luthier.fast.dropout import drop
from luthier.fast.layout import ACTIVE, Rows, Side
from luthier.fast.varlen import Heads, Rule

NAME = "luthier"  # of the attention implementation
SIDE = "luthier_side"  # keyword that layers hand on to their attention
MOST_SCORES = 256  # keys of a row, up to which scores are computed in full


def register() -> None:
    """Make the implementation known to transformers."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, mask)


def mask(**options: Any) -> Tensor | None:
    """The mask of SDPA; within a fast pass as numbers that are added to the scores, which is faster on a CPU.

    Returns:
        [b, 1, t, t], or None if nothing is masked, apart from what a causal model cannot see.
    """
    seen = sdpa_mask(**options)
    if seen is None or ACTIVE.get() is None:
        return seen
    dtype = options.get("dtype", torch.float32)
    return torch.zeros((), dtype=dtype, device=seen.device).where(seen, torch.finfo(dtype).min)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """See `AttentionInterface` of transformers. Outside of a fast pass, this is SDPA.

    Args:
        module: The attention of a layer.
        query: [b, h, t, d]; [1, h, n, d] if the row is packed.
        key: [b, g, s, d]; [1, g, m, d] if it is packed.
        value: As `key`.
        attention_mask: [b, 1, t, s] of the padded rows.
        **options: `luthier_side` (a `Side`) in a fast pass, `scaling`, `dropout` and others.
    Returns:
        [b, t, h, d] or [1, n, h, d]
    """
    side: Side | None = options.pop(SIDE, None)
    if side is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    keys = _rows_of(key, side)
    if side.core is not None and side.own is not None and keys is not None:
        rule, cast = _rule(module, **options), [_autocast(part) for part in (query, key, value)]
        if rule is not None and side.core.takes(cast[0], cast[2], rule):
            heads = Heads(*(part[0].transpose(0, 1) for part in cast))
            starts, longest = (side.own.starts, keys.starts), (side.own.shape[1], keys.shape[1])
            return side.core.attend(heads, starts, longest, rule).unsqueeze(0), None
    query, key, value = _padded(query, side.own), _padded(key, keys), _padded(value, keys)
    explicit = side.explicit and query.device.type == "cpu" and query.requires_grad
    if explicit and key.shape[2] <= MOST_SCORES:
        found = _explicit(module, query, key, value, attention_mask, **options)
    else:
        found, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    return (found if side.own is None else side.own.pack(found)), None


def _autocast(part: Tensor) -> Tensor:
    """As autocast does it for SDPA; rotary positions and normed queries are fp32 within autocast."""
    kind = part.device.type
    return part.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else part


def _rule(
    module: nn.Module,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    position_bias: Tensor | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> Rule | None:
    """Which keys are seen, as models tell it to flash attention; None if there is more than a rule can say."""
    if position_bias is not None or softcap is not None or s_aux is not None:
        return None
    causal = getattr(module, "is_causal", False) if is_causal is None else is_causal
    return Rule(causal, sliding_window, scaling, dropout)


def _rows_of(key: Tensor, side: Side) -> Rows | None:
    """The rows that keys belong to: the layer's own in self-attention, the encoder's in cross-attention."""
    for rows in (side.own, side.other):
        if rows is not None and key.shape[0] == 1 and key.shape[2] == len(rows.places):
            return rows
    return None


def _padded(values: Tensor, rows: Rows | None) -> Tensor:
    """[1, h, n, d] to [b, h, t, d]."""
    return values if rows is None else rows.pad(values.transpose(1, 2)).transpose(1, 2)


def _explicit(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    **_: Any,
) -> Tensor:
    """Scores, softmax, dropout and the weighted sum as separate operations; arguments as for SDPA."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = (query * (query.shape[-1] ** -0.5 if scaling is None else scaling)) @ key.transpose(2, 3)
    if position_bias is not None:
        scores = scores + position_bias
    if mask is not None:
        scores = scores + mask
    elif (getattr(module, "is_causal", False) if is_causal is None else is_causal) and query.shape[2] > 1:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, torch.finfo(scores.dtype).min)
    weights = scores.softmax(-1).to(value.dtype)
    return ((drop(weights, dropout) if dropout else weights) @ value).transpose(1, 2)
