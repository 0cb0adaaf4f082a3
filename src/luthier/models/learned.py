"""The weights of a model that training changes: those that checkpoints hold."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def learned(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that learn, each once even if it is shared, and the buffers that are saved, by name."""
    saved = model.state_dict()
    parameters = {name: tensor for name, tensor in model.named_parameters() if tensor.requires_grad}
    buffers = {name: tensor for name, tensor in model.named_buffers() if name in saved}
    return {name: tensor.detach() for name, tensor in {**parameters, **buffers}.items()}


def state_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of the names and values of a model's weights."""
    found = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def trainable(model: nn.Module) -> int:
    """The number of parameters that learn."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def load_learned(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Set weights of a model from another one that began with the same weights.

    Args:
        model: Its other weights stay as they are.
        tensors: As `learned` returns them.
    Raises:
        RuntimeError: The model lacks a weight, or it has another shape.
    """
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    unknown = tensors.keys() - own.keys()
    if unknown:
        raise RuntimeError(f"the model has no {min(unknown)}")
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
