"""Language model metrics, from the negative log-likelihood of each document.

Loss and perplexity are per token, so they only compare models with the same tokenizer; bits per byte compares any.
"""

import numpy as np

from luthier.arrays import FloatArray, IntArray
from luthier.metrics.base import Metric, ratio


def language_metrics(nll: FloatArray, tokens: IntArray, n_bytes: IntArray) -> list[Metric]:
    """Loss, perplexity and bits per byte over all tokens, not averaged over documents.

    Args:
        nll: `[n]` negative log-likelihood of each document: natural logarithm, summed over its predicted tokens.
        tokens: `[n]` number of predicted tokens.
        n_bytes: `[n]` number of UTF-8 bytes of these tokens.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (nll, tokens, n_bytes)]
    if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
        shapes = ", ".join(str(column.shape) for column in columns)
        raise ValueError(f"nll, tokens and n_bytes must all be [n], are {shapes}")
    statistics = np.stack(columns, axis=1)

    def loss(sums: FloatArray) -> FloatArray:
        return ratio(sums[..., 0], sums[..., 1])

    def perplexity(sums: FloatArray) -> FloatArray:
        return np.asarray(np.exp(loss(sums)))

    def bits_per_byte(sums: FloatArray) -> FloatArray:
        return ratio(sums[..., 0] / np.log(2), sums[..., 2])

    values = {"loss": loss, "perplexity": perplexity, "bits_per_byte": bits_per_byte}
    return [Metric(name, statistics, value, greater_is_better=False) for name, value in values.items()]
