"""The forward pass and loss of a batch, shared by both engines and by inference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    """

    loss_sum: Callable[[Any, Batch], Tensor] | None = None

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Any, Tensor | None]:
        """Run a model on a batch that is on its device.

        Args:
            model: The model to call, wrapped in DDP if there are several processes.
            batch: A batch from the collator.
        Returns:
            The outputs, and the summed loss; None without labels or without a `loss_sum`.
        """
        outputs = model(**{name: tensor for name, tensor in batch.items() if name != LABELS})
        return outputs, self.loss_sum(outputs, batch) if self.loss_sum is not None and LABELS in batch else None
