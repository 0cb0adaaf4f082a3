"""The calibration panel that tasks with a confidence share."""

import numpy as np

from luthier.arrays import FloatArray
from luthier.metrics.calibration import expected_calibration_error, reliability
from luthier.reporting.panels import Bin, Reliability


def calibration_panel(
    confidence: FloatArray, right: np.ndarray, note: str = "", before: FloatArray | None = None
) -> Reliability:
    """Accuracy by confidence, and the expected calibration error.

    Args:
        confidence: `[n]` probability of the prediction, 0 to 1.
        right: `[n]` whether the prediction is correct.
        note: Sentence below the heading.
        before: `[n]` the probabilities before they were calibrated; None if they are not.
    """
    uncalibrated = None if before is None else calibration_panel(before, right)
    bins = [
        Bin(found.confidence or 0.0, found.accuracy.value or 0.0, found.n)
        for found in reliability(confidence, right, resamples=0)
        if found.n
    ]
    error = expected_calibration_error(confidence, right).on(np.ones((1, len(right))))[0]
    return Reliability(bins, float(error), note=note, before=uncalibrated)
