"""The unit of a number in the head of a model: out of it for the training, and back into it in the end."""

import torch
from torch import nn


def number_head(model: nn.Module) -> nn.Linear | None:
    """The linear layer with one output and a bias that a regression ends with; None for a model without one.

    Of an adapter, it is the layer that learns, which comes after the original one.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return next((one for one in reversed(layers) if one.out_features == 1 and one.bias is not None), None)


def rescale(head: nn.Linear, mean: float, scale: float) -> None:
    """Make a layer give `scale * y + mean` where it gave y, in place."""
    with torch.no_grad():
        head.weight.mul_(scale)
        head.bias.mul_(scale).add_(mean)
