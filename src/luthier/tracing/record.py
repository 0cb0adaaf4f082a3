"""Run a model on a batch, and keep what it computes on the way."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from luthier.tracing.anatomy import stacks

Side = Literal["", "encoder", "decoder"]
EAGER = "eager"  # the implementation of attention that keeps its weights


@dataclass(frozen=True)
class Stack:
    """What a stack of layers computes for a batch.

    Args:
        side: Which of two stacks it is; empty for the only one.
        hidden: [b, t, d] of the embeddings and of each layer, as transformers returns them: the last one is after the
            final normalization, where the model has one.
        attention: [b, heads, t, t] of each layer; empty if the architecture does not give its weights.
        cross: [b, heads, t, s] of each layer of a decoder to the s tokens that the encoder has read; else empty.
    """

    side: Side
    hidden: Sequence[Tensor]
    attention: Sequence[Tensor]
    cross: Sequence[Tensor] = ()


@dataclass(frozen=True)
class Record:
    """What a model computes for a batch.

    Args:
        stacks: Of an encoder-decoder, first the encoder.
        logits: `logits`, or `start_logits` and `end_logits`.
        seconds: Where the time went: `embeddings`, the name of each layer, and `head`.
    """

    stacks: Sequence[Stack]
    logits: Mapping[str, Tensor]
    seconds: Mapping[str, float]


def record(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> Record:
    """Run a model on a batch, as plain transformers would, and keep what it computes on the way.

    The hidden states and the logits come from one pass of the model as it is, the attention from another one with the
    implementation that keeps its weights. Neither changes the model.

    Args:
        model: In evaluation mode.
        batch: The arguments of its forward, on its device.
    """
    with torch.inference_mode():
        weights = _attention(model, batch)  # first, so that the pass whose time is taken finds the machine warm
        with _timed(model) as seconds:
            found = model(**batch, output_hidden_states=True, return_dict=True)
    logits = {name: value for name, value in found.items() if name.endswith("logits")}
    if not model.config.is_encoder_decoder:
        return Record([Stack("", found.hidden_states, weights.get("attentions", ()))], logits, seconds)
    read = Stack("encoder", found.encoder_hidden_states, weights.get("encoder_attentions", ()))
    own, cross = weights.get("decoder_attentions", ()), weights.get("cross_attentions", ())
    return Record([read, Stack("decoder", found.decoder_hidden_states, own, cross)], logits, seconds)


def _attention(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> Mapping[str, Sequence[Tensor]]:
    """The attention of each stack; empty where the architecture does not give it."""
    before = model.config._attn_implementation  # no public name for reading it
    try:
        model.set_attn_implementation(EAGER)
        found = model(**batch, output_attentions=True, return_dict=True)
    except (ValueError, NotImplementedError):
        return {}
    finally:
        model.set_attn_implementation(before)
    kept = {name: value for name, value in found.items() if name.endswith("attentions") and value}
    return {name: value for name, value in kept.items() if all(one is not None for one in value)}


@contextmanager
def _timed(model: PreTrainedModel) -> Iterator[dict[str, float]]:
    """Measure the seconds of each layer, of what is before the first and of what is after the last."""
    seconds: dict[str, float] = {}
    began, marks = time.perf_counter(), dict[str, float]()

    def begin(name: str) -> Any:
        def hook(*_: Any) -> None:
            marks[name] = _now(model)
            seconds.setdefault("embeddings", marks[name] - began)

        return hook

    def end(name: str) -> Any:
        def hook(*_: Any) -> None:
            marks["end"] = _now(model)
            seconds[name] = marks["end"] - marks[name]

        return hook

    with ExitStack() as hooks:
        for stack, layers in stacks(model):
            for index, layer in enumerate(layers):
                name = f"{stack}.{index}"
                hooks.enter_context(layer.register_forward_pre_hook(begin(name)))
                hooks.enter_context(layer.register_forward_hook(end(name)))
        yield seconds
        seconds["head"] = _now(model) - marks.get("end", began)


def _now(model: PreTrainedModel) -> float:
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
    return time.perf_counter()
