"""The fast passes of a model: which parts of the fast path it can use, and which are wanted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from luthier import processes
from luthier.fast.abilities import Abilities, abilities
from luthier.fast.dropout import Functional, replace_dropout
from luthier.fast.embeddings import keep_gradients
from luthier.fast.layout import Asked, Forward, Side, first_tokens, running, sides
from luthier.fast.varlen import core_for
from luthier.recipe import FastRecipe


@dataclass(frozen=True)
class Fast:
    """How the passes of a model are made sooner.

    Args:
        model: The model.
        able: What was found to give the same numbers with it.
        wanted: The parts of the recipe.
        dropout: Whether its dropout is replaced while it is in training mode.
        embeddings: Whether the gradients of its embeddings are kept from step to step.
        targets: Function of labels that gives what the logits at each place predict, both [b, t], if the model is asked
            for the losses of labels in place of logits (`luthier.fast.vocabulary`).
        smoothing: Label smoothing of these losses.
    """

    model: PreTrainedModel
    able: Abilities
    wanted: FastRecipe
    dropout: bool = False
    embeddings: bool = False
    targets: Callable[[Tensor], Tensor] | None = None
    smoothing: float = 0.0

    def asking(self, targets: Callable[[Tensor], Tensor] | None, smoothing: float) -> "Fast":
        """Ask for the losses of labels in place of logits, if the model can and the recipe wants it."""
        return replace(self, targets=targets, smoothing=smoothing) if self.able.logits and self.wanted.logits else self

    @contextmanager
    def __call__(self, batch: Mapping[str, Any]) -> Iterator[None]:
        """Make the forward pass within sooner.

        Args:
            batch: The model's inputs, and `labels` if there are any.
        """
        functions = Functional() if self.dropout and self.model.training else nullcontext()
        with running(self._forward(batch, self._asked(batch))), functions:
            yield

    def _asked(self, batch: Mapping[str, Any]) -> Asked | None:
        if self.targets is None or "labels" not in batch:
            return None
        return Asked(self.targets(batch["labels"]), self.smoothing)

    def _forward(self, batch: Mapping[str, Any], asked: Asked | None) -> Forward:
        ids, explicit = batch["input_ids"], self.wanted.attention
        if not self.able.attention:
            return Forward(asked=asked)
        if ids.dim() != 2:  # several sequences in a row
            return Forward(Side(explicit=explicit), Side(explicit=explicit), asked)
        unpad = self.able.unpad and self.wanted.unpad
        own, written = sides(batch, cross=self.model.config.is_encoder_decoder) if unpad else (None, None)
        first = first_tokens(batch, own) if self.able.reads_first else None
        if self.able.reads_first and first is None:  # the head reads padding
            own, first = None, first_tokens(batch, None)
        read = first if self.able.last_layer and self.wanted.last_layer else None
        shape, core = (ids.shape[0], ids.shape[1]), None
        if self.able.varlen and self.wanted.attention:
            core = core_for(ids.device)
        encoder = Side(own, None, read, shape, explicit, core)
        return Forward(encoder, Side(written, own, explicit=explicit, core=core), asked)


def fast(model: PreTrainedModel, wanted: FastRecipe) -> Fast:
    """Prepare a model for fast passes; outside of these it does what it did.

    Each part is compared with the plain model on a few rows, and left out if the results differ.

    Args:
        model: The model. Its attention implementation becomes `luthier`, which is SDPA outside of fast passes.
        wanted: The parts of the recipe.
    """
    return Fast(model, abilities(model), wanted)


def fast_training(model: PreTrainedModel, wanted: FastRecipe, device: torch.device) -> Fast:
    """Prepare a model for fast passes in training; on a CPU, its dropout is replaced and gradients are kept.

    Args:
        model: The model; one with gradient checkpointing has `dropout.again` as its `context_fn`.
        wanted: The parts of the recipe.
        device: That it will be trained on.
    """
    dropout = wanted.dropout_masks and device.type == "cpu"
    if dropout:
        replace_dropout(model)
    kept = wanted.embeddings and device.type == "cpu" and processes.count() == 1 and keep_gradients(model) > 0
    return Fast(model, abilities(model), wanted, dropout, kept)
