"""Calibration of confidences by a temperature (Guo et al. 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from luthier.arrays import FloatArray, IntArray

SMALLEST = np.finfo(np.float64).eps  # the probability that smaller ones count as
TEMPERATURES = (0.1, 20.0)  # with less, doubles cannot tell probabilities near 1 apart
FOLDS = 5  # of rows on which a temperature is tried that was fitted on the others


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
