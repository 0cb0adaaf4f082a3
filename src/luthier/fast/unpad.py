"""Unpadding: the layers of a model run on the real tokens of a batch, packed into one row.

Each layer gets what it works on without padding; its attention (`attention.py`) pads again, under the mask of the
padded batch, and the last layer's output is padded for what follows. Embeddings are computed before, so positions are
those of the padded batch in every architecture. Zeng et al. 2022 ("Boosting distributed training performance of the
unpadded BERT model", arXiv:2208.08124) do the same within the model's code.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from luthier.fast.attention import SIDE
from luthier.fast.layout import ACTIVE, Forward, Side

ENCODER_STATES = ("encoder_hidden_states", "key_value_states")
RELATIVE = ("position_bias", "encoder_decoder_position_bias")  # of T5 and its like


class Stack:
    """The layers of an encoder or a decoder, which run on packed rows in a fast pass.

    Args:
        layers: In order.
        decoder: Whether they are the decoder of an encoder-decoder.
    """

    def __init__(self, layers: Sequence[nn.Module], *, decoder: bool) -> None:
        self.layers, self.decoder = layers, decoder
        self.forward: Forward | None = None  # the pass that runs, or ran last
        self._names = list(inspect.signature(layers[0].forward).parameters)

    @property
    def hands_on(self) -> bool:
        """Whether the layers hand keywords that they do not know on to their attention."""
        kinds = [p.kind for layer in self.layers for p in inspect.signature(layer.forward).parameters.values()]
        return kinds.count(inspect.Parameter.VAR_KEYWORD) == len(self.layers)

    def hook(self) -> list[RemovableHandle]:
        """Make the layers take part in fast passes; outside of these they do what they did."""
        entering = [layer.register_forward_pre_hook(self._enter, with_kwargs=True) for layer in self.layers]
        return [*entering, self.layers[-1].register_forward_hook(self._leave)]

    def side(self, forward: Forward) -> Side:
        return forward.decoder if self.decoder else forward.encoder

    def _enter(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        self.forward = forward = ACTIVE.get()
        if forward is None:
            return None
        side, named = self.side(forward), dict(zip(self._names, args, strict=False))
        named = {name: _packed(forward, side, name, value) for name, value in {**named, **kwargs}.items()}
        named |= _biases(layer, side, named, self._names)
        positional = tuple(named.pop(name) for name in self._names[: len(args)])
        return positional, {**named, SIDE: side}

    def _leave(self, layer: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        forward = ACTIVE.get()
        if forward is None:
            return None
        side = self.side(forward)
        return (side.pad(output[0]), *output[1:]) if isinstance(output, tuple) else side.pad(output)


def _packed(forward: Forward, side: Side, name: str, value: Any) -> Any:
    """An argument of a layer without padding: a tensor, several, or something else, which is returned as it is."""
    if isinstance(value, tuple):
        return tuple(_packed(forward, side, name, part) for part in value)
    rows = side.other if name in ENCODER_STATES else side.own
    if rows is None or not isinstance(value, Tensor) or "mask" in name or name in RELATIVE:
        return value
    padded = value.dim() > 1 and value.shape[1] == rows.shape[1] and value.shape[0] in (1, rows.shape[0])
    return forward.pack(rows, value) if padded else value


def _biases(layer: nn.Module, side: Side, named: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The relative position biases of a first layer of T5, for the padded batch; none for other layers.

    By itself, the layer would compute them for all pairs of tokens of the packed row, and zeros for cross-attention.
    """
    biased = [part for part in layer.modules() if getattr(part, "has_relative_attention_bias", False)]
    if not biased or named.get(RELATIVE[0]) is not None or not (side.own or side.other):
        return {}
    found: dict[str, Any] = {}
    if side.own is not None:
        tokens = side.own.shape[1]
        found[RELATIVE[0]] = biased[0].compute_bias(tokens, tokens)  # type: ignore[operator]  # of the attention
    if RELATIVE[1] in known:
        found[RELATIVE[1]] = next(layer.parameters()).new_zeros(1, 1, 1, 1)
    return found
