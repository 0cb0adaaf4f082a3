"""Gradients of large embedding tables on a CPU, without a new table of zeros in each step.

A batch holds a few hundred of a vocabulary's tokens, but the gradient has a row for each token of the vocabulary, and
torch fills a new table with zeros in each backward pass. Here one table is kept, and only the rows of the last step are
set to zero. What comes after the backward pass (clipping, the optimizer) sees the gradient that torch would compute.
"""

from collections import Counter

import torch
from torch import Tensor, nn

LARGE = 2**20  # numbers in a table, from which this takes less time


class _Gradient:
    """The gradient of a table, whose memory is kept from step to step.

    Args:
        weight: The table, [n, d], of a module whose gradients are sparse.
    """

    def __init__(self, weight: Tensor) -> None:
        self._kept: Tensor | None = None
        self._rows: list[Tensor] = []  # of `_kept` that may not be zero; the last one is that of the newest gradient
        weight.register_hook(self._note)
        weight.register_post_accumulate_grad_hook(self._keep)

    def _note(self, gradient: Tensor) -> None:
        if gradient.is_sparse:
            self._rows.append(gradient.coalesce().indices()[0])  # which has each row once
        else:  # the model uses the table in another way too: any row may be changed
            self._kept, self._rows = None, []

    def _keep(self, weight: Tensor) -> None:
        gradient = weight.grad
        if gradient is None or not gradient.is_sparse:  # it was added to the kept one, of an earlier micro-batch
            return
        if self._kept is None:
            self._kept = torch.zeros_like(weight)
        for rows in self._rows[:-1]:
            self._kept.index_fill_(0, rows, 0.0)
        del self._rows[:-1]
        weight.grad = self._kept.add_(gradient)


def keep_gradients(model: nn.Module) -> int:
    """Keep the memory of the gradients of a model's large embedding tables; the number of these tables.

    A table that another module uses too, such as an output layer, has a gradient in each row, and is left as it is.
    """
    uses = Counter(id(weight) for module in model.modules() for weight in module.parameters(recurse=False))
    found = [
        module
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        and module.weight.requires_grad
        and module.weight.numel() >= LARGE
        and uses[id(module.weight)] == 1
        and not module.scale_grad_by_freq  # which sparse gradients cannot have
        and not module.sparse  # as it is after the first call
    ]
    for module in found:
        module.sparse = True
        _Gradient(module.weight)
    return len(found)
