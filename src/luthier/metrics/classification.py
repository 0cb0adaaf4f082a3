"""Single-label classification metrics: accuracy, precision, recall, F1, Matthews correlation, confusion matrix.

All equal scikit-learn's with `zero_division=0`. As in scikit-learn, macro means are over the classes that
occur in gold or predicted labels. On a resample, these are the classes that occur in the resample, so a rare class
that was not drawn is excluded from that resample's mean and not counted as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from luthier.arrays import FloatArray, IntArray
from luthier.metrics.base import Bounds, Metric, ratio
from luthier.metrics.bootstrap import RESAMPLES, Score, scores


def class_counts(predicted: IntArray, gold: IntArray, n_classes: int) -> csr_array:
    """The per-example statistics that all metrics of this module use.

    Args:
        predicted: `[n]` label ids below `n_classes`.
        gold: `[n]` label ids.

    Returns:
        `[n, 3 * n_classes]`, sparse: for each class whether it is correctly predicted, predicted, gold.
    """
    predicted, gold = _label_ids(predicted, gold, n_classes)
    rows = np.arange(len(gold))
    hits = np.flatnonzero(predicted == gold)
    columns = np.concatenate([gold[hits], predicted + n_classes, gold + 2 * n_classes])
    cells = (np.concatenate([hits, rows, rows]), columns)
    return csr_array((np.ones(len(columns)), cells), shape=(len(gold), 3 * n_classes))


def classification_metrics(
    predicted: IntArray, gold: IntArray, n_classes: int, positive: int | None = None
) -> list[Metric]:
    """The standard single-label metrics, sharing their statistics.

    Args:
        positive: Id of the positive class for precision, recall and F1 (binary tasks); None for macro means over all
            classes.
    """
    counts = class_counts(predicted, gold, n_classes)
    if positive is None:
        return [accuracy(counts), *(macro(name, counts) for name in ("f1", "precision", "recall")), mcc(counts)]
    return [accuracy(counts), *class_metrics(counts, positive), mcc(counts)]


def accuracy(counts: csr_array) -> Metric:
    """Share of examples with the correct label. Takes the result of `class_counts`, like the metrics below."""

    def value(sums: FloatArray) -> FloatArray:
        right, _, gold = _split(sums)
        return ratio(right.sum(-1), gold.sum(-1))

    return Metric("accuracy", counts, value, bounds=Bounds(counts.shape[0], share=True))


def class_metrics(counts: csr_array, positive: int) -> list[Metric]:
    """F1, precision and recall of one class, named `f1`, `precision`, `recall`."""

    n_classes = counts.shape[1] // 3
    columns = [positive, n_classes + positive, 2 * n_classes + positive]
    held = counts[:, columns].toarray()
    single = bool(held.max(initial=0) <= 1)  # an example has the class or not; a sentence may have several entities

    def metric(name: str, trials: FloatArray, share: bool) -> Metric:
        bounds = Bounds(int(np.count_nonzero(trials)), share=share)
        return Metric(name, counts, lambda sums: _BY_CLASS[name](sums[..., columns])[..., 0], bounds=bounds)

    return [
        metric("f1", held.sum(1), share=False),
        metric("precision", held[:, 1], share=single),
        metric("recall", held[:, 2], share=single),
    ]


def macro(name: Literal["f1", "precision", "recall"], counts: csr_array) -> Metric:
    """Mean over the classes, named `f1_macro` etc.; 0 for a class that is never predicted, or never gold."""
    by_class = _BY_CLASS[name]

    def value(sums: FloatArray) -> FloatArray:
        _, predicted, gold = _split(sums)
        occurs = predicted + gold > 0
        return ratio((by_class(sums) * occurs).sum(-1), occurs.sum(-1))

    return Metric(f"{name}_macro", counts, value, bounds=Bounds(counts.shape[0]))


def mcc(counts: csr_array) -> Metric:
    """Matthews correlation for any number of classes (Gorodkin 2004); 0 if gold or predicted labels are constant."""

    def value(sums: FloatArray) -> FloatArray:
        right, predicted, gold = _split(sums)
        n = gold.sum(-1)
        covariance = n * right.sum(-1) - (predicted * gold).sum(-1)
        spread = (n**2 - (predicted**2).sum(-1)) * (n**2 - (gold**2).sum(-1))
        return ratio(covariance, np.sqrt(spread), empty=0.0)

    gold = _split(np.asarray(counts.sum(axis=0)))[2]
    n, same = gold.sum() ** 2, (gold**2).sum()
    bounds = Bounds(counts.shape[0], cost=float(n / (n - same))) if n > same else None
    return Metric("mcc", counts, value, bounds=bounds)


def confusion(predicted: IntArray, gold: IntArray, n_classes: int) -> IntArray:
    """Confusion matrix of gold classes (rows) and predicted classes (columns): `[n_classes, n_classes]`."""
    predicted, gold = _label_ids(predicted, gold, n_classes)
    return np.bincount(gold * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores of one class in the class table.

    Args:
        support: Number of gold examples of the class.
        predicted: Number of examples predicted as the class.
    """

    name: str
    precision: Score
    recall: Score
    f1: Score
    support: int
    predicted: int


def class_table(counts: csr_array, names: Sequence[str], *, resamples: int = RESAMPLES) -> list[ClassScores]:
    """Precision, recall and F1 of every class with intervals, in the order of `names`.

    Args:
        counts: Result of `class_counts`, or of `label_counts` (multi-label) or `type_counts` (entities).
        names: Name of each class, by id.
    """
    _, predicted, support = _split(np.asarray(counts.sum(axis=0)))
    metrics = [metric for label in range(len(names)) for metric in class_metrics(counts, label)]
    found = scores(metrics, resamples=resamples)
    return [
        ClassScores(
            name=name,
            f1=found[3 * label],
            precision=found[3 * label + 1],
            recall=found[3 * label + 2],
            support=int(support[label]),
            predicted=int(predicted[label]),
        )
        for label, name in enumerate(names)
    ]


def _label_ids(predicted: IntArray, gold: IntArray, n_classes: int) -> tuple[IntArray, IntArray]:
    """Convert both to int64 and validate them. Data checks run earlier, so an error here is a bug."""
    predicted, gold = np.asarray(predicted, dtype=np.int64), np.asarray(gold, dtype=np.int64)
    if predicted.shape != gold.shape or gold.ndim != 1:
        raise ValueError(f"predicted {predicted.shape} and gold {gold.shape} must both be [n]")
    for name, labels in (("predicted", predicted), ("gold", gold)):
        if len(labels) and not 0 <= labels.min() <= labels.max() < n_classes:
            raise ValueError(f"{name} label ids must be in 0..{n_classes - 1}, are {labels.min()}..{labels.max()}")
    return predicted, gold


def _split(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Summed counts as (right, predicted, gold), each `[..., n_classes]`."""
    right, predicted, gold = np.split(sums, 3, axis=-1)
    return right, predicted, gold


def _f1(sums: FloatArray) -> FloatArray:
    right, predicted, gold = _split(sums)
    return ratio(2 * right, predicted + gold, empty=0.0)


def _precision(sums: FloatArray) -> FloatArray:
    right, predicted, _ = _split(sums)
    return ratio(right, predicted, empty=0.0)


def _recall(sums: FloatArray) -> FloatArray:
    right, _, gold = _split(sums)
    return ratio(right, gold, empty=0.0)


_BY_CLASS = {"f1": _f1, "precision": _precision, "recall": _recall}
