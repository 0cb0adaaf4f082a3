"""How well scores rank: areas under the ROC curve (Hanley & McNeil 1982) and under the precision-recall curve."""

import numpy as np

from luthier.arrays import FloatArray, IntArray
from luthier.metrics.base import ResampledMetric


def ranking_metrics(scores: FloatArray, truth: np.ndarray) -> list[ResampledMetric]:
    """The area under the ROC curve, and the average precision, which is the area under the precision-recall curve.

    Both are undefined unless some labels are true and some false. The values are those of scikit-learn's
    `roc_auc_score` and `average_precision_score`, which sort again for every resample.

    Args:
        scores: `[n, c]` score of each label of each example; `c` is 1 for a single label.
        truth: `[n, c]` whether the label is true.
    """
    from sklearn.metrics import auc

    n, labels = scores.shape
    order = np.argsort(-scores, axis=None, kind="stable")
    ordered, true, owner = scores.ravel()[order], truth.ravel()[order].astype(np.float64), order // labels
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # the last of equal scores

    def above(examples: IntArray) -> tuple[FloatArray, FloatArray]:
        """The true and the false labels down to each score, in a resample."""
        weight = np.bincount(examples, minlength=n)[owner].astype(np.float64)
        return np.cumsum(weight * true)[last], np.cumsum(weight * (1 - true))[last]

    def roc_auc(examples: IntArray) -> float:
        hits, misses = above(examples)
        if not hits[-1] or not misses[-1]:
            return float("nan")
        return float(auc(np.append(0, misses), np.append(0, hits)) / (hits[-1] * misses[-1]))

    def average_precision(examples: IntArray) -> float:
        hits, misses = above(examples)
        if not hits[-1] or not misses[-1]:
            return float("nan")
        precision = hits / np.maximum(hits + misses, 1)
        return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])

    return [
        ResampledMetric("roc_auc", n, roc_auc),
        ResampledMetric("average_precision", n, average_precision),
    ]
