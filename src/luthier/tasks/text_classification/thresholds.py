"""Thresholds that are chosen for an aim on the validation rows."""

from dataclasses import dataclass

import numpy as np

from luthier.arrays import FloatArray
from luthier.text import count, number, plural

DEFAULT = 0.5


@dataclass(frozen=True)
class Threshold:
    """A threshold for probabilities, and why it is that.

    Args:
        value: Labels of at least this probability are assigned.
        reached: Whether the aim is met.
        why: The evidence, for a decision or a warning.
    """

    value: float
    reached: bool
    why: str


def choose(aim: str, probabilities: FloatArray, truth: np.ndarray, rows: int) -> Threshold:
    """Choose the threshold for an aim.

    `f1` is the highest F1; `precision=P` the highest recall among thresholds with a precision of at least P;
    `recall=R` the highest precision among those with a recall of at least R. A threshold is halfway between the lowest
    probability above it and the next one below, so that rounding does not move a row across it. If no threshold meets
    the aim, it stays at 0.5.

    Args:
        aim: `f1`, `precision=P` or `recall=R`.
        probabilities: `[n]` predicted probability that a label is true.
        truth: `[n]` whether it is.
        rows: Number of validation rows, for the evidence.
    """
    held_out = f"the {plural(rows, 'validation row')}"
    if not truth.any():
        return Threshold(DEFAULT, False, f"{aim} cannot be measured: there is no positive label in {held_out}")
    from sklearn.metrics import precision_recall_curve

    precision, recall, lowest = precision_recall_curve(truth, probabilities)
    precision, recall = precision[:-1], recall[:-1]  # the last point is of no threshold
    wanted, _, least = aim.partition("=")
    if wanted == "f1":
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best = _closest(np.flatnonzero(np.isclose(f1, f1.max())), lowest)
    else:
        given, other = (precision, recall) if wanted == "precision" else (recall, precision)
        met = np.flatnonzero(given >= float(least) - 1e-12)
        if not len(met):
            return Threshold(DEFAULT, False, f"{aim} is not reached on {held_out}: at most {number(given.max())}")
        best = _closest(met[np.isclose(other[met], other[met].max())], lowest)
    value = float((lowest[best] + (lowest[best - 1] if best else 0.0)) / 2)
    assigned, true = probabilities >= value, truth.astype(bool)
    hits = int((assigned & true).sum())
    shares = " and ".join(
        f"{name} {number(hits / of)} ({count(hits)} of {count(of)})"
        for name, of in (("precision", int(assigned.sum())), ("recall", int(true.sum())))
    )
    return Threshold(value, True, f"chosen for {aim} on {held_out}: {shares}")


def _closest(candidates: np.ndarray, thresholds: FloatArray) -> int:
    """Of equally good thresholds, the one closest to 0.5."""
    return int(min(candidates, key=lambda i: abs(thresholds[i] - DEFAULT)))
