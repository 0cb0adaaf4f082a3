"""The calibration panel that tasks with a confidence share."""

import numpy as np

from luthier.arrays import FloatArray
from luthier.reporting.panels import Bin, Reliability

BINS = 10


def calibration_panel(
    confidence: FloatArray, right: np.ndarray, note: str = "", before: FloatArray | None = None
) -> Reliability:
    """Accuracy by confidence in bins of equal width, and the expected calibration error (Naeini et al. 2015).

    The error is the mean difference between the two, weighted by rows. A bin includes its upper edge, the first also 0.

    Args:
        confidence: `[n]` probability of the prediction, 0 to 1.
        right: `[n]` whether the prediction is correct.
        note: Sentence below the heading.
        before: `[n]` the probabilities before they were calibrated; None if they are not.
    """
    uncalibrated = None if before is None else calibration_panel(before, right)
    # Softmax in float32 can exceed 1 by a rounding error.
    if len(confidence) and not (confidence.min() >= -1e-6 and confidence.max() <= 1 + 1e-6):
        raise ValueError(f"confidences must be in 0..1, are {confidence.min()}..{confidence.max()}")
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    n, sure, hits = (np.bincount(place, weights, BINS) for weights in (None, confidence, right))
    error = np.abs(sure - hits).sum() / len(place) if len(place) else np.nan
    bins = [Bin(float(sure[i] / n[i]), float(hits[i] / n[i]), int(n[i])) for i in np.flatnonzero(n)]
    return Reliability(bins, float(error), note=note, before=uncalibrated)
