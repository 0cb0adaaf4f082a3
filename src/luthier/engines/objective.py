"""The one place where a model is run on a batch and its loss is taken: in both engines, and in inference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from luthier.data.batches import Batch

LABELS = "labels"  # the one tensor of a batch that the model is not given


@dataclass(frozen=True)
class Objective:
    """What training minimises, as a function of a model and a batch.

    Shapes, where B is the rows of a batch, T the tokens of its longest row, and C the classes or the vocabulary:

    ==================  ================================================================
    inputs of a batch   [B, T], such as `input_ids` and `attention_mask`
    labels of a batch   what the task makes: [B], [B, C], [B, T] or [B, 2]; -100 is ignored
    logits of a model   [B, C] of whole rows, [B, T, C] of tokens, two of [B, T] of spans
    loss                [], the sum over the labels that count; dividing is up to the caller
    ==================  ================================================================

    Args:
        loss_sum: (outputs of the model, whole batch) to the summed loss; None to run the model alone.
    """

    loss_sum: Callable[[Any, Batch], Tensor] | None = None

    def __call__(self, model: nn.Module, batch: Batch) -> tuple[Any, Tensor | None]:
        """Run a model on a batch that is on its device.

        Args:
            model: As it is to be called: within DDP, where there are several processes.
            batch: What the collator made.
        Returns:
            The outputs, and the summed loss; None without labels or without a `loss_sum`.
        """
        outputs = model(**{name: tensor for name, tensor in batch.items() if name != LABELS})
        return outputs, self.loss_sum(outputs, batch) if self.loss_sum is not None and LABELS in batch else None
