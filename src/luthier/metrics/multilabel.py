"""Multi-label classification metrics, from 0/1 matrices `[n, labels]`.

Equal to scikit-learn's with `zero_division=0`, except for `jaccard`: an example with neither gold nor predicted labels
counts as 1 (as in SemEval-2018 task 1, or scikit-learn's `zero_division=1`). Macro means are over all labels: one that
is neither gold nor predicted counts as 0, also in resamples.
"""

import numpy as np
from scipy.sparse import csr_array

from luthier.arrays import FloatArray, IntArray
from luthier.metrics.base import Bounds, Metric, average, ratio


def label_counts(predicted: IntArray, gold: IntArray) -> csr_array:
    """The per-example statistics of each label; used in `class_table` in place of `class_counts`.

    Args:
        predicted: `[n, labels]` of 0 and 1.
        gold: `[n, labels]` of 0 and 1.

    Returns:
        `[n, 3 * labels]`, sparse: for each label whether it is correctly predicted, predicted, gold.
    """
    predicted, gold = _sets(predicted, gold)
    return csr_array(np.concatenate([predicted & gold, predicted, gold], axis=1).astype(np.float64))


def multilabel_metrics(predicted: IntArray, gold: IntArray) -> list[Metric]:
    """The standard multi-label metrics."""
    counts = label_counts(predicted, gold)
    return [f1_micro(counts), f1_macro(counts), jaccard(predicted, gold), exact_match(predicted, gold)]


def f1_micro(counts: csr_array) -> Metric:
    """F1 over all pairs of example and label. Takes the result of `label_counts`."""

    def value(sums: FloatArray) -> FloatArray:
        right, predicted, gold = np.split(sums, 3, axis=-1)
        return ratio(2 * right.sum(-1), predicted.sum(-1) + gold.sum(-1), empty=0.0)

    return Metric("f1_micro", counts, value, bounds=Bounds(counts.shape[0]))


def f1_macro(counts: csr_array) -> Metric:
    """Mean F1 over the labels. Takes the result of `label_counts`."""

    def value(sums: FloatArray) -> FloatArray:
        right, predicted, gold = np.split(sums, 3, axis=-1)
        by_label = ratio(2 * right, predicted + gold, empty=0.0)
        return ratio(by_label.sum(-1), np.array(by_label.shape[-1]))

    return Metric("f1_macro", counts, value, bounds=Bounds(counts.shape[0]))


def jaccard(predicted: IntArray, gold: IntArray) -> Metric:
    """Mean over examples of the intersection / union of predicted and gold labels; 1 if both are empty."""
    predicted, gold = _sets(predicted, gold)
    both, either = (predicted & gold).sum(1, dtype=np.float64), (predicted | gold).sum(1, dtype=np.float64)
    return average("jaccard", ratio(both, either, empty=1.0))


def exact_match(predicted: IntArray, gold: IntArray) -> Metric:
    """Share of examples whose labels are all correct (subset accuracy)."""
    predicted, gold = _sets(predicted, gold)
    return average("exact_match", (predicted == gold).all(1))


def _sets(predicted: IntArray, gold: IntArray) -> tuple[np.ndarray, np.ndarray]:
    """Convert both to `[n, labels]` bool and validate them."""
    predicted, gold = np.asarray(predicted), np.asarray(gold)
    if predicted.shape != gold.shape or gold.ndim != 2:
        raise ValueError(f"predicted {predicted.shape} and gold {gold.shape} must both be [n, labels]")
    for name, labels in (("predicted", predicted), ("gold", gold)):
        if not np.isin(labels, (0, 1)).all():
            raise ValueError(f"{name} must be of 0 and 1")
    return predicted.astype(bool), gold.astype(bool)
