"""Attention over packed rows without padding them again, on GPUs: flash attention over rows of any length.

flash-attn is taken where it is installed, else torch's own kernel, which knows no dropout. Which is taken is checked
against `BY_ROWS` on the device first.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

FLASH_ATTN, TORCH = "flash_attn", "torch.nn.attention.varlen"  # modules
HALF = (torch.bfloat16, torch.float16)
ROUNDING = 0.02  # of the largest number, in bf16


class Heads(NamedTuple):
    """Query [n, h, d], key [m, g, d] and value [m, g, d] of packed rows."""

    query: Tensor
    key: Tensor
    value: Tensor


@dataclass(frozen=True)
class Rule:
    """Which keys a query sees within its row, and how it weighs them.

    Args:
        causal: Whether only those up to its own place.
        window: At most so many keys to each side, its own counted; None for all.
        scale: That scores are multiplied by; None for 1 / sqrt(d).
        dropout: Probability.
    """

    causal: bool = False
    window: int | None = None
    scale: float | None = None
    dropout: float = 0.0

    @property
    def reach(self) -> tuple[int, int]:
        """Keys that are seen to the left and to the right, -1 for all, as flash attention counts them."""
        side = -1 if self.window is None else self.window - 1
        return side, 0 if self.causal else side


@dataclass(frozen=True)
class Core:
    """How attention over packed rows is computed.

    Args:
        attend: Takes `Heads`; where the rows of queries and of keys begin, and the last ends, [b + 1] int32 each; the
            most tokens of a row of each; and a rule. It returns [n, h, d].
        dtypes: That it works in.
        drops: Whether it knows dropout.
        largest: Dimensions of a head, at most.
        step: That they are a multiple of.
    """

    attend: Callable[[Heads, tuple[Tensor, Tensor], tuple[int, int], Rule], Tensor]
    dtypes: tuple[torch.dtype, ...]
    drops: bool
    largest: int = 256
    step: int = 8

    def takes(self, query: Tensor, value: Tensor, rule: Rule) -> bool:
        """Whether it can compute attention with this query and value, [..., d], by this rule."""
        size = query.shape[-1]
        fits = size == value.shape[-1] and size <= self.largest and size % self.step == 0
        return fits and query.dtype in self.dtypes and (self.drops or not rule.dropout)


def _by_rows(heads: Heads, starts: tuple[Tensor, Tensor], longest: tuple[int, int], rule: Rule) -> Tensor:
    """Each row by itself, through SDPA: what the kernels are compared with."""
    ends = [start.tolist() for start in starts]
    found = []
    for q0, q1, k0, k1 in zip(ends[0], ends[0][1:], ends[1], ends[1][1:], strict=False):
        parts = heads.query[q0:q1], heads.key[k0:k1], heads.value[k0:k1]
        query, key, value = (part.transpose(0, 1) for part in parts)
        apart = torch.arange(k1 - k0, device=key.device) - torch.arange(q1 - q0, device=key.device)[:, None]
        left, right = (size if size >= 0 else max(longest) for size in rule.reach)
        seen = (apart >= -left) & (apart <= right)
        one = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, dropout_p=rule.dropout, scale=rule.scale, enable_gqa=True
        )
        found.append(one.transpose(0, 1))
    return torch.cat(found)


def _by_torch(heads: Heads, starts: tuple[Tensor, Tensor], longest: tuple[int, int], rule: Rule) -> Tensor:
    """See `torch.nn.attention.varlen.varlen_attn`."""
    grouped = heads.query.shape[1] != heads.key.shape[1]
    found: Tensor = import_module(TORCH).varlen_attn(
        *heads, *starts, *longest, scale=rule.scale, window_size=rule.reach, enable_gqa=grouped
    )
    return found


def _by_flash_attn(heads: Heads, starts: tuple[Tensor, Tensor], longest: tuple[int, int], rule: Rule) -> Tensor:
    """See `flash_attn_varlen_func` of github.com/Dao-AILab/flash-attention."""
    found: Tensor = import_module(FLASH_ATTN).flash_attn_varlen_func(
        *heads,
        *starts,
        *longest,
        dropout_p=rule.dropout,
        softmax_scale=rule.scale,
        causal=rule.causal,
        window_size=rule.reach,
        deterministic=torch.are_deterministic_algorithms_enabled(),
    )
    return found


BY_ROWS = Core(_by_rows, (torch.float32, *HALF), drops=True, largest=sys.maxsize, step=1)
BY_TORCH = Core(_by_torch, HALF, drops=False)
BY_FLASH_ATTN = Core(_by_flash_attn, HALF, drops=True)
CORES = {FLASH_ATTN: BY_FLASH_ATTN, TORCH: BY_TORCH}


@lru_cache
def core_for(device: torch.device) -> Core | None:
    """The core to use on a device, the first that is installed and right there; None to pad within attention."""
    if device.type != "cuda":
        return None
    installed = (core for module, core in CORES.items() if find_spec(module) is not None)
    return next((core for core in installed if is_right(core, device)), None)


@torch.inference_mode(False)  # whoever asks first may be predicting
@torch.enable_grad()
def is_right(core: Core, device: torch.device) -> bool:
    """Whether a core gives what `BY_ROWS` gives, forward and backward, with random rows in bf16."""
    with torch.autocast(device.type, enabled=False):
        return _is_right(core, device)


def _is_right(core: Core, device: torch.device) -> bool:
    lengths = torch.tensor([5, 1, 70, 33])
    starts = functional.pad(lengths.cumsum(0), (1, 0)).to(device, torch.int32)
    generator = torch.Generator().manual_seed(0)
    shapes = [(int(lengths.sum()), count, 64) for count in (4, 2, 2, 4)]
    drawn = [torch.randn(shape, generator=generator).to(device, torch.bfloat16) for shape in shapes]
    heads, upstream = Heads(*(part.requires_grad_() for part in drawn[:3])), drawn[3]
    try:
        for causal, window in product((True, False), (None, 8)):
            rule = Rule(causal, window, 0.1)
            outputs = [one.attend(heads, (starts, starts), (70, 70), rule) for one in (core, BY_ROWS)]
            both = ((output, *torch.autograd.grad(output, heads, upstream)) for output in outputs)
            if not all(_close(one, other) for one, other in zip(*both, strict=True)):
                return False
    except (ImportError, NotImplementedError, RuntimeError, TypeError, ValueError):  # of a GPU that is too old, say
        return False
    return True


def _close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= ROUNDING * other.abs().max())
