"""Loss functions shared by several tasks, and the divergences of R-Drop (Liang et al. 2021, arXiv:2106.14448)."""

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


def categorical_divergence(logits: Tensor, labels: Tensor) -> Tensor:
    """The divergence between two predictions of each label that is not `IGNORED`, summed over the labels.

    The mean of both directions' Kullback-Leibler divergence, as `compute_kl_loss` of the authors
    (github.com/dropreg/R-Drop): (KL(p || q) + KL(q || p)) / 2, which is the sum of (p - q) (log p - log q) / 2.

    Args:
        logits: [2b, ..., c], of a batch that was concatenated with itself
        labels: [2b, ...]
    b rows, c classes
    """
    one, other = logits.float().log_softmax(-1).chunk(2)
    each = ((one.exp() - other.exp()) * (one - other)).sum(-1) / 2
    return (each * labels.chunk(2)[0].ne(IGNORED)).sum()


def binary_divergence(logits: Tensor, labels: Tensor) -> Tensor:
    """As `categorical_divergence`, where each label is true or false on its own: logits and labels are [2b, c]."""
    one, other = logits.float().chunk(2)
    each = (one.sigmoid() - other.sigmoid()) * (one - other) / 2  # the logit is log p - log (1 - p)
    return (each * labels.chunk(2)[0].ne(IGNORED)).sum()
