"""The forward pass and loss of a batch, shared by both engines and by inference."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from luthier.data.batches import Batch

LABELS = "labels"  # the only tensor of a batch that is not passed to the model


@dataclass(frozen=True)
class Objective:
    """What training minimises, as a function of a model and a batch.

    Shapes, where B is the rows of a batch, T the tokens of its longest row, and C the classes or the vocabulary:

    ==================  ================================================================
    inputs of a batch   [B, T], such as `input_ids` and `attention_mask`
    labels of a batch   depend on the task: [B], [B, C], [B, T] or [B, 2]; -100 is ignored
    logits of a model   [B, C] for rows, [B, T, C] for tokens, two of [B, T] for spans
    loss                [], the sum over labels that are not ignored; the caller divides it
    ==================  ================================================================

    Args:
        loss_sum: Function of (model outputs, batch) that sums the loss; None to only run the model.
        around: Function of a batch that gives the context in which the model is called.
        logits: Whether the outputs for labels have logits; without, they have losses (`luthier.fast.vocabulary`).
    """

    loss_sum: Callable[[Any, Batch], Tensor] | None = None
    around: Callable[[Batch], AbstractContextManager[Any]] = nullcontext
    logits: bool = True

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Any, Tensor | None]:
        """Run a model on a batch that is on its device.

        Args:
            model: The model to call, wrapped in DDP if there are several processes.
            batch: A batch from the collator.
        Returns:
            The outputs, and the summed loss; None without labels or without a `loss_sum`.
        """
        inputs = {name: tensor for name, tensor in batch.items() if name != LABELS}
        with self.around(batch):
            outputs = model(**inputs)
        return outputs, self.loss_sum(outputs, batch) if self.loss_sum is not None and LABELS in batch else None


@dataclass(frozen=True, kw_only=True)
class RDrop(Objective):
    """R-Drop: each batch is run twice, under different dropout, and the two predictions of a label are drawn together.

    Liang et al. 2021, arXiv:2106.14448. As in the authors' code (github.com/dropreg/R-Drop), the batch is concatenated
    with itself, and the loss is the mean of both passes' losses and `alpha` times their divergence.

    Args:
        divergence: Function of (model outputs, batch), both of a doubled batch, that sums over the labels how far the
            two predictions of each are apart.
        alpha: Weight of the divergence.
    """

    divergence: Callable[[Any, Batch], Tensor]
    alpha: float

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Any, Tensor | None]:
        """See `Objective.__call__`. The outputs are of the doubled batch; the loss is a sum over the labels of one."""
        twice = {name: torch.cat([tensor, tensor]) for name, tensor in batch.items()}
        outputs, loss_sum = super().__call__(model, twice)
        assert loss_sum is not None  # only training, whose rows have labels, runs a batch twice
        return outputs, loss_sum / 2 + self.alpha * self.divergence(outputs, twice)
