"""A language model that computes the losses of its labels where it would compute its logits."""

from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from luthier.data.batches import IGNORED
from luthier.fast.layout import ACTIVE, Asked
from luthier.fast.token_losses import token_losses


def has_output_layer(model: PreTrainedModel) -> bool:
    """Whether the model has a linear output layer over a vocabulary, which no adapter wraps."""
    return type(model.get_output_embeddings()) is nn.Linear


def hook(model: PreTrainedModel) -> list[RemovableHandle]:
    """Make the output layer take part in fast passes that ask for losses; in others the model does what it did.

    In these, `outputs.loss` is the sum, and `outputs.losses` are the negative log-likelihoods of the labels, in order.
    The logits are those of no token.
    """
    layer = model.get_output_embeddings()
    return [layer.register_forward_pre_hook(_withhold), model.register_forward_hook(_losses)]


def _asked() -> Asked | None:
    forward = ACTIVE.get()
    return forward.asked if forward is not None else None


def _withhold(layer: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    """Keep what logits would be computed from, and hand none of it on."""
    asked = _asked()
    if asked is None or asked.hidden or args[0].shape[:-1] != asked.targets.shape:
        return None
    asked.hidden.append(args[0])
    return (args[0][:, :0],)


def _losses(model: Any, args: Any, output: Any) -> None:
    asked = _asked()
    if asked is None or not asked.hidden:
        return
    labelled = asked.targets.ne(IGNORED)
    found = token_losses(
        asked.hidden.pop()[labelled], model.get_output_embeddings(), asked.targets[labelled], asked.smoothing
    )
    output["loss"] = found.total  # a field, which wrappers of the model hand on
    output.losses = found.each
