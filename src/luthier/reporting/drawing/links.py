"""The strongest attention of each token, packed for a page: all of it would be a hundred times larger."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from luthier.tracing.stages import Values

MOST = 8  # links of each token and head


@dataclass(frozen=True)
class Attention:
    """The attention of a stack of layers.

    Args:
        name: Such as `encoder attention`.
        queries: The tokens that attend: `read` or `written`.
        keys: The tokens that are attended to.
        weights: [sequences, heads, queries, keys] of each layer.
    """

    name: str
    queries: str
    keys: str
    weights: Sequence[Values]

    @property
    def link_size(self) -> int:
        """Characters that one link of every token and head takes."""
        return len(self.weights) * int(np.prod(self.weights[0].shape[:-1])) * (1 + self.index.itemsize) * 4 // 3

    @property
    def index(self) -> "np.dtype[Any]":
        """The type that numbers the keys."""
        return np.dtype("u1" if self.weights[0].shape[-1] <= 256 else "<u2")


@dataclass(frozen=True)
class Links:
    """The strongest links of each token and head.

    Args:
        name: As in `Attention`, and so are `queries` and `keys`.
        layers: Their number; `heads` and `kept`, the links of a token, as well.
        wide: Whether a key's number takes two bytes, the lower one first.
        to: The keys [sequences, layers, heads, queries, kept], strongest first, as base64.
        weight: Their weights in 1/255, in the same order.
    """

    name: str
    queries: str
    keys: str
    layers: int
    heads: int
    kept: int
    wide: bool
    to: str
    weight: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def affordable(attentions: Sequence[Attention], budget: int) -> int:
    """How many links of each token and head a page keeps: eight, or as many as fit in a budget of characters."""
    whole = sum(one.link_size for one in attentions)
    return max(0, min(MOST, budget // whole)) if whole else 0


def pack(attentions: Sequence[Attention], kept: int) -> list[Links]:
    """Keep the strongest links of each token and head."""
    return [_packed(one, kept) for one in attentions] if kept else []


def strongest(weights: Values, kept: int) -> tuple[Values, Values]:
    """The places and the values of the largest weights along the last axis, largest first."""
    kept = min(kept, weights.shape[-1])
    places = np.argpartition(-weights, kept - 1, axis=-1)[..., :kept]
    found = np.take_along_axis(weights, places, -1)
    order = np.argsort(-found, axis=-1, kind="stable")
    return np.take_along_axis(places, order, -1), np.take_along_axis(found, order, -1)


def base64(values: Values) -> str:
    """The bytes of an array."""
    return b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _packed(attention: Attention, kept: int) -> Links:
    found = [strongest(layer, kept) for layer in attention.weights]
    places = np.stack([places.astype(attention.index) for places, _ in found], axis=1)
    weights = np.stack([np.rint(255 * weights).astype("u1") for _, weights in found], axis=1)
    _, layers, heads, _, kept = places.shape
    own = (attention.name, attention.queries, attention.keys)
    return Links(*own, layers, heads, kept, attention.index.itemsize == 2, base64(places), base64(weights))
