"""The last layer only for the tokens that the head reads: the first of each row, in most classifiers.

After its attention, a layer treats each token on its own. So in a post-norm architecture, such as BERT, the tokens that
nobody reads can be left out before the module that follows the attention. Which module this is, if there is one, is
found by trying.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from luthier.fast.layout import Side
from luthier.fast.unpad import Stack


@dataclass(frozen=True)
class Selection:
    """Leaves out the tokens that the head does not read before a module of an encoder's last layer.

    Args:
        stack: The layers, which know the pass: gradient checkpointing calls the module again when it is over.
    """

    stack: Stack

    def before(self, place: nn.Module) -> RemovableHandle:
        """From now on, a module gets the tokens that are read, [1, b, d]."""
        # A method is copied with its object where a model is copied, a function would stay with the first model.
        return place.register_forward_pre_hook(self._select, with_kwargs=True)

    def _select(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        forward = self.stack.forward
        if forward is None or forward.encoder.read is None:
            return None
        side = forward.encoder
        return tuple(_read(value, side) for value in args), {name: _read(value, side) for name, value in kwargs.items()}


def _read(value: Any, side: Side) -> Any:
    """The tokens that are read, of hidden states [b, t, d] or [1, n, d]; anything else as it is."""
    if side.read is None or not isinstance(value, Tensor) or value.dim() != 3:
        return value
    return value.flatten(0, 1).index_select(0, side.read).unsqueeze(0)


def places(layer: nn.Module, run: Callable[[], Any]) -> list[nn.Module]:
    """The modules in a layer that are called with hidden states when a model runs, in the order of their calls."""
    found: dict[nn.Module, None] = {}

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if any(isinstance(value, Tensor) and value.dim() == 3 for value in (*args, *kwargs.values())):
            found[module] = None

    with ExitStack() as hooks:
        for module in layer.modules():
            if module is not layer:
                hooks.enter_context(module.register_forward_pre_hook(note, with_kwargs=True))
        run()
    return list(found)


def reads_first(hidden: Tensor, logits: Tensor) -> bool:
    """Whether the logits depend on the first token of each row only.

    Args:
        hidden: [b, t, d] output of the last layer.
        logits: Computed from it.
    """
    (gradient,) = torch.autograd.grad(logits.float().pow(2).sum(), hidden)
    read = gradient.abs().sum(-1) > 0
    return bool(read[:, 0].all()) and not bool(read[:, 1:].any())
