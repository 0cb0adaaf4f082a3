"""The stages of a trace: from the batch that a model reads to its logits, each with its name, shape and values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from luthier.arrays import array_of
from luthier.tracing.record import Record, Stack

Values = NDArray[Any]


@dataclass(frozen=True)
class Stage:
    """A stage between text and answer.

    Args:
        name: Such as `input_ids`, `embeddings`, `layer 3`, `attention 3` or `logits`; of an encoder-decoder with its
            side before, such as `decoder layer 3`, and `cross-attention 3`.
        values: [rows of the batch, ...].
        notes: What the values amount to: `norm`, the mean over tokens without padding; `similarity`, the mean cosine to
            the stage before; `entropy`, of a token's attention, in bits.
    """

    name: str
    values: Values
    notes: Mapping[str, float] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    def to_dict(self, *, whole: bool) -> dict[str, Any]:
        """What `--json` prints; with its values if the whole is asked for."""
        found: dict[str, Any] = {"name": self.name, "shape": list(self.shape), **self.notes}
        return found | {"values": self.values.tolist()} if whole else found


def stages(batch: Mapping[str, Tensor], found: Record) -> list[Stage]:
    """The stages of a forward pass, in order: its arguments, and what the model computed."""
    inputs = [Stage(name, array_of(tensor)) for name, tensor in batch.items() if not name.startswith("decoder_")]
    made: list[Stage] = []
    for stack in found.stacks:
        if stack.side == "decoder":
            made += [Stage(name, array_of(tensor)) for name, tensor in batch.items() if name.startswith("decoder_")]
        made += _stack(stack, _mask(stack, batch), f"{stack.side} " if stack.side else "")
    return [*inputs, *made, *(Stage(name, array_of(tensor)) for name, tensor in found.logits.items())]


def _stack(stack: Stack, mask: Tensor, prefix: str) -> list[Stage]:
    made: list[Stage] = []
    for index, hidden in enumerate(stack.hidden):
        before = stack.hidden[index - 1] if index else None
        if index:
            made += _weights(f"{prefix}attention {index}", stack.attention, index, mask)
            made += _weights(f"cross-attention {index}", stack.cross, index, mask)
        notes = {"norm": _mean(hidden.float().norm(dim=-1), mask)}
        if before is not None:
            notes["similarity"] = _mean(functional.cosine_similarity(hidden.float(), before.float(), dim=-1), mask)
        name = f"{prefix}layer {index}" if index else f"{prefix}embeddings"
        made.append(Stage(name, array_of(hidden), notes))
    return made


def _weights(name: str, layers: Sequence[Tensor], index: int, mask: Tensor) -> list[Stage]:
    if len(layers) < index:
        return []
    weights = layers[index - 1]
    entropy = torch.special.entr(weights.float()).sum(-1).mean(1) / np.log(2)  # over the heads
    return [Stage(name, array_of(weights), {"entropy": _mean(entropy, mask)})]


def _mask(stack: Stack, batch: Mapping[str, Tensor]) -> Tensor:
    """Which tokens of a stack are no padding: [b, t]."""
    key = "decoder_attention_mask" if stack.side == "decoder" else "attention_mask"
    given, (rows, tokens, _) = batch.get(key), stack.hidden[0].shape
    return torch.ones(rows, tokens, dtype=torch.bool) if given is None else given.bool().view(rows, tokens)


def _mean(values: Tensor, mask: Tensor) -> float:
    return float(values[mask.to(values.device)].mean())
