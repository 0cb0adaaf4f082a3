"""Where the real tokens of a padded batch are, and how to get rid of the padding."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from luthier.data.batches import IGNORED
from luthier.fast.varlen import Core

WORTHWHILE = 0.97  # share of real tokens, above which packing takes longer than the padding


@dataclass(frozen=True)
class Rows:
    """The real tokens of a padded batch of b rows and t tokens.

    Args:
        shape: b and t.
        places: [n] of the real tokens, in the batch as one row of b * t.
    """

    shape: tuple[int, int]
    places: Tensor

    @classmethod
    def of(cls, real: Tensor) -> "Rows | None":
        """The real tokens of a batch; None if it has too little padding, or one row only.

        Args:
            real: [b, t], not 0 for real tokens.
        """
        if len(real) == 1:  # nothing to gain, and its keys could be mistaken for packed ones
            return None
        places = real.flatten().nonzero()[:, 0]
        return cls((real.shape[0], real.shape[1]), places) if len(places) <= WORTHWHILE * real.numel() else None

    @cached_property
    def starts(self) -> Tensor:
        """[b + 1] int32 places in the packed row at which rows begin, and its end."""
        rows, tokens = self.shape
        begins = torch.arange(rows + 1, device=self.places.device) * tokens
        return torch.searchsorted(self.places, begins, out_int32=True)

    def pack(self, values: Tensor) -> Tensor:
        """[b, t, ...] or [1, t, ...] to [1, n, ...]."""
        rows, tokens = self.shape
        if values.shape[0] == 1:
            return values.index_select(1, self.places % tokens)
        return values.reshape(rows * tokens, *values.shape[2:]).index_select(0, self.places).unsqueeze(0)

    def pad(self, values: Tensor) -> Tensor:
        """[1, n, ...] to [b, t, ...], with zeros for the padding."""
        rows, tokens = self.shape
        empty = values.new_zeros(rows * tokens, *values.shape[2:])
        return empty.index_copy(0, self.places, values[0]).unflatten(0, self.shape)


@dataclass(frozen=True)
class Side:
    """What the layers of a stack need to know about a batch.

    Args:
        own: The tokens of this stack; None if it runs padded.
        other: Those of the encoder, for a decoder with cross-attention; None if they are padded.
        read: [b] index of the first token of each row in this stack, if the head reads no other token.
        shape: b and t of the padded batch.
        explicit: Whether attention is computed step by step where that is faster.
        core: How attention over packed rows is computed where it can; None to pad them for it.
    """

    own: Rows | None = None
    other: Rows | None = None
    read: Tensor | None = None
    shape: tuple[int, int] = (0, 0)
    explicit: bool = False
    core: Core | None = None

    def pad(self, hidden: Tensor) -> Tensor:
        """The output of the last layer, of the real tokens or of those that are read, as [b, t, d]."""
        if self.read is None:
            return hidden if self.own is None else self.own.pad(hidden)
        rest = hidden.new_zeros(len(self.read), self.shape[1] - 1, hidden.shape[-1])
        return torch.cat([hidden[0].unsqueeze(1), rest], 1)


@dataclass(frozen=True)
class Asked:
    """What a language model is asked for in place of logits: the losses of its labels.

    Args:
        targets: [b, t] what the logits at each place would predict; `IGNORED` where nothing.
        smoothing: Label smoothing.
        hidden: What the output layer got, [b, t, d], until the losses are computed.
    """

    targets: Tensor
    smoothing: float = 0.0
    hidden: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Forward:
    """One forward pass of a model.

    Args:
        encoder: Of an encoder, or of the encoder of an encoder-decoder.
        decoder: Of a decoder, or of the decoder of an encoder-decoder.
        asked: The losses that are wanted; None for logits.
        packed: What was packed in this pass, by the identity of the padded tensor, which is held to keep it unique.
    """

    encoder: Side = Side()
    decoder: Side = Side()
    asked: Asked | None = None
    packed: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def pack(self, rows: Rows, values: Tensor) -> Tensor:
        """As `rows.pack`, once for each tensor."""
        if id(values) not in self.packed:
            self.packed[id(values)] = values, rows.pack(values)
        return self.packed[id(values)][1]


ACTIVE: ContextVar[Forward | None] = ContextVar("the forward pass that runs", default=None)


@contextmanager
def running(forward: Forward | None) -> Iterator[None]:
    """Run the model within as this pass; None for as it is."""
    token = ACTIVE.set(forward)
    try:
        yield
    finally:
        ACTIVE.reset(token)
        if forward is not None:
            forward.packed.clear()  # the layers know the pass until the next one


def sides(batch: Mapping[str, Any], *, cross: bool) -> tuple[Rows | None, Rows | None]:
    """The real tokens of a batch: of an encoder or decoder alone, or of the encoder and the decoder.

    Args:
        batch: The inputs of a model, and `labels`.
        cross: Whether the model is an encoder-decoder. In its decoder, tokens after the last label count as padding:
            nothing reads them, and causal attention hides them from those before.
    """
    mask = batch.get("attention_mask")
    own = Rows.of(mask) if mask is not None and mask.dim() == 2 else None
    if not cross:
        return own, None
    labels, mask = batch.get("labels"), batch.get("decoder_attention_mask")
    if mask is None and labels is not None:
        mask = labels.ne(IGNORED).flip(1).cummax(1).values.flip(1)
        mask[:, 0] = True  # a row needs a token
    written = Rows.of(mask) if mask is not None else None
    if own is not None and written is not None and len(own.places) == len(written.places):
        written = None  # keys of both would have the same shape
    return own, written


def first_tokens(batch: Mapping[str, Any], rows: Rows | None) -> Tensor | None:
    """[b] index of the first token of each row among the packed ones; None if a row begins with padding."""
    ids = batch["input_ids"]
    begins = torch.arange(len(ids), device=ids.device) * ids.shape[1]
    if rows is None:
        return begins
    starts = rows.starts[:-1]
    return starts if bool((rows.places[starts] == begins).all()) else None
