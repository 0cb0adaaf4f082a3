"""Calibration of confidences: reliability bins, expected calibration error, temperature (Naeini 2015, Guo 2017)."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from luthier.arrays import FloatArray, IntArray
from luthier.metrics.base import Metric, ratio
from luthier.metrics.bootstrap import RESAMPLES, Score, scores

SMALLEST = np.finfo(np.float64).eps  # the probability that smaller ones count as
TEMPERATURES = (0.1, 20.0)  # with less, doubles cannot tell probabilities near 1 apart
FOLDS = 5  # of rows on which a temperature is tried that was fitted on the others


@dataclass(frozen=True, slots=True)
class Bin:
    """The examples with a confidence in one interval.

    Args:
        low: Lower edge; not part of the bin, except that the first bin includes 0.
        high: Upper edge; part of the bin.
        n: Number of examples in the bin.
        confidence: Their mean confidence; None for an empty bin.
        accuracy: Share of correct predictions; for a calibrated model, its interval includes `confidence`.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: Score


def reliability(
    confidence: FloatArray, right: np.ndarray, n_bins: int = 10, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Bin]:
    """Accuracy against confidence in bins of equal width, for a reliability diagram.

    Args:
        confidence: `[n]` probability of the predicted label.
        right: `[n]` whether the predicted label is correct.
        n_bins: Number of bins between 0 and 1.
    """
    statistics = _statistics(confidence, right, n_bins)
    found = scores([_bin_accuracy(statistics, n_bins, i) for i in range(n_bins)], resamples=resamples, seed=seed)
    members, confidences, _ = np.split(statistics.sum(axis=0), 3)
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    return [
        Bin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            n=int(members[i]),
            confidence=float(confidences[i] / members[i]) if members[i] else None,
            accuracy=Score(accuracy.value, accuracy.low, accuracy.high, int(members[i])),
        )
        for i, accuracy in enumerate(found)
    ]


def expected_calibration_error(confidence: FloatArray, right: np.ndarray, n_bins: int = 10) -> Metric:
    """Mean difference between confidence and accuracy over bins of equal width, weighted by number of examples.

    Sampling noise keeps it above 0 and resampling adds noise, so its interval is too high if a bin contains few
    examples.
    """

    def value(sums: FloatArray) -> FloatArray:
        n, confidences, hits = np.split(sums, 3, axis=-1)
        return ratio(np.abs(confidences - hits).sum(-1), n.sum(-1))

    return Metric("ece", _statistics(confidence, right, n_bins), value, greater_is_better=False)


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """The probabilities that a softmax gives if its logits are divided by a temperature (Guo et al. 2017).

    Args:
        probabilities: `[n, c]` of the softmax of the logits themselves.
        temperature: Above 1 it lowers the confidence; the order of the classes stays.
    """
    return np.asarray(softmax(_logits(probabilities) / temperature, axis=1))


def fit_temperature(probabilities: FloatArray, true: IntArray) -> float:
    """The temperature with the lowest cross-entropy; 1 if none is lower than that of the probabilities themselves.

    Where nearly all rows are right, the lowest cross-entropy is at a temperature near 0, which is no evidence of
    certainty. So the targets are smoothed like those of Platt (1999): the true class has (n + 1) / (n + 2), and the
    other classes share the rest, here in proportion to their probabilities.

    Args:
        probabilities: `[n, c]`, `c` above 1.
        true: `[n]` the true class.
    """
    rows, rest, logits = np.arange(len(true)), 1 / (len(true) + 2), _logits(probabilities)
    targets = np.exp(logits)
    targets[rows, true] = 0.0
    targets *= rest / targets.sum(axis=1, keepdims=True)
    targets[rows, true] = 1 - rest

    def smoothed(log_temperature: float) -> float:
        return float(-(targets * log_softmax(logits / np.exp(log_temperature), axis=1)).sum())

    found = float(np.exp(minimize_scalar(smoothed, bounds=np.log(TEMPERATURES), method="bounded").x))
    before, after = (cross_entropies(probabilities, true, one).sum() for one in (1.0, found))
    return found if after < before else 1.0


def cross_entropies(probabilities: FloatArray, true: IntArray, temperature: float) -> FloatArray:
    """`[n]` the cross-entropy of each row of `fit_temperature` at a temperature."""
    losses: FloatArray = -log_softmax(_logits(probabilities) / temperature, axis=1)[np.arange(len(true)), true]
    return losses


def cross_validated_entropies(probabilities: FloatArray, true: IntArray, rows: int) -> FloatArray:
    """The cross-entropy of each row at a temperature that was fitted on others.

    Args:
        probabilities: As in `fit_temperature`.
        true: As in `fit_temperature`.
        rows: Number of rows, each with `n / rows` decisions in a row, which stay together.
    """
    fold = np.arange(len(true)) * rows // len(true) % FOLDS
    losses = np.zeros(len(true))
    for held_out in (fold == one for one in range(FOLDS)):
        temperature = fit_temperature(probabilities[~held_out], true[~held_out])
        losses[held_out] = cross_entropies(probabilities[held_out], true[held_out], temperature)
    return losses


def _logits(probabilities: FloatArray) -> FloatArray:
    return np.log(np.maximum(probabilities, SMALLEST))


def _bin_accuracy(statistics: FloatArray, n_bins: int, i: int) -> Metric:
    return Metric(f"accuracy_{i}", statistics, lambda sums: ratio(sums[..., 2 * n_bins + i], sums[..., i]))


def _statistics(confidence: FloatArray, right: np.ndarray, n_bins: int) -> FloatArray:
    """`[n, 3 * n_bins]`: for each bin whether the example is in it, then its confidence, then whether it is correct."""
    confidence, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if confidence.shape != hit.shape or hit.ndim != 1:
        raise ValueError(f"confidence {confidence.shape} and right {hit.shape} must both be [n]")
    # Softmax in float32 can exceed 1 by a rounding error.
    if len(hit) and not (confidence.min() >= -1e-6 and confidence.max() <= 1 + 1e-6):
        raise ValueError(f"confidences must be in 0..1, are {confidence.min()}..{confidence.max()}")
    place = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    member = (place[:, None] == np.arange(n_bins)).astype(np.float64)
    return np.concatenate([member, member * confidence[:, None], member * hit[:, None]], axis=1)
