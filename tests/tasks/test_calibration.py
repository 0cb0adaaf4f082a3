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


def test_by_hand() -> None:
    confidence, right = np.array([0.55, 0.6, 0.95, 0.95, 1.0]), np.array([1, 0, 1, 1, 0])
    panel = calibration_panel(confidence, right)
    assert [(b.confidence, b.accuracy, b.count) for b in panel.bins] == [
        (pytest.approx(0.575), 0.5, 2),
        (pytest.approx(2.9 / 3), pytest.approx(2 / 3), 3),
    ]
    assert panel.error == pytest.approx((abs(1.15 - 1) + abs(2.9 - 2)) / 5)


def test_edges_belong_to_the_lower_bin() -> None:
    edges = np.array([0.0, 0.1, 0.5, 1.0, 1.0000001])
    assert [b.count for b in calibration_panel(edges, np.ones(5)).bins] == [2, 1, 2]


def test_a_calibrated_model_has_hardly_an_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000)
    panel = calibration_panel(confidence, rng.random(20_000) < confidence)
    assert sum(b.count for b in panel.bins) == 20_000 and panel.error < 0.02
    assert all(abs(b.confidence - b.accuracy) < 0.03 for b in panel.bins)
    assert calibration_panel(confidence, rng.random(20_000) < 0.5).error == pytest.approx(0.25, abs=0.02)


def test_no_rows_have_no_error() -> None:
    panel = calibration_panel(np.zeros(0), np.zeros(0))
    assert panel.bins == [] and np.isnan(panel.error)


@pytest.mark.parametrize("bad", [1.5, -0.2, np.nan])
def test_what_is_no_confidence_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="confidences"):
        calibration_panel(np.array([0.5, bad]), np.array([1, 0]))
