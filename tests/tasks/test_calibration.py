"""Calibration: how often predictions of a confidence are right."""

import numpy as np
import pytest

from luthier.reporting.panels import Bin
from luthier.tasks.calibration import calibration_panel


def test_bins_hold_the_share_that_is_right() -> None:
    confidence, right = np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, True, True, False])
    panel = calibration_panel(confidence, right, "a note")
    assert panel.bins == [Bin(0.55, 0.5, 2), Bin(0.95, 1.0, 2)]
    assert panel.error == pytest.approx((2 * 0.05 + 2 * 0.05) / 4)
    assert panel.note == "a note" and panel.before is None


def test_probabilities_before_calibration_have_bins_and_an_error_of_their_own() -> None:
    right = np.array([True, True, True, False])
    panel = calibration_panel(np.full(4, 0.75), right, before=np.full(4, 0.95))
    assert panel.before == calibration_panel(np.full(4, 0.95), right)
    assert panel.error == pytest.approx(0.0) and panel.before.error == pytest.approx(0.2)
    assert calibration_panel(np.full(4, 0.95), right).error == panel.before.error


def test_a_model_that_is_sure_and_wrong_is_off_by_all() -> None:
    assert calibration_panel(np.ones(5), np.zeros(5, dtype=bool)).error == pytest.approx(1.0)
