"""Loss functions shared by several tasks."""

from torch import Tensor
from torch.nn import functional

from luthier.data.batches import IGNORED


def summed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy summed over the labels [...] that are not `IGNORED`, from logits [..., classes] in float32."""
    return functional.cross_entropy(
        logits.float().flatten(0, -2),
        labels.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=smoothing,
    )
