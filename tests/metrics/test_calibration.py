import numpy as np
import pytest

from luthier.metrics.bootstrap import score
from luthier.metrics.calibration import expected_calibration_error, reliability


def test_by_hand():
    confidence = np.array([0.55, 0.6, 0.95, 0.95, 1.0])
    right = np.array([1, 0, 1, 1, 0])
    bins = reliability(confidence, right, n_bins=5)
    assert [b.n for b in bins] == [0, 0, 2, 0, 3]
    assert [(b.low, b.high) for b in bins][2] == pytest.approx((0.4, 0.6))
    assert bins[2].confidence == pytest.approx(0.575)
    assert bins[2].accuracy.value == 0.5
    assert bins[4].accuracy.value == pytest.approx(2 / 3)
    assert bins[0].confidence is None and bins[0].accuracy.value is None
    # |1.15 - 1| + |2.9 - 2| over 5 examples.
    assert score(expected_calibration_error(confidence, right, n_bins=5)).value == pytest.approx(1.05 / 5)
    assert bins[4].to_dict()["accuracy"]["n"] == 3


def test_edges_belong_to_the_lower_bin():
    bins = reliability(np.array([0.0, 0.5, 1.0, 1.0000001]), np.ones(4), n_bins=2)
    assert [b.n for b in bins] == [2, 2]


def test_a_calibrated_model():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000)
    right = rng.random(20_000) < confidence
    bins = [b for b in reliability(confidence, right, resamples=200) if b.n]
    assert sum(b.n for b in bins) == 20_000
    assert sum(b.accuracy.low <= b.confidence <= b.accuracy.high for b in bins) >= 4
    metric = expected_calibration_error(confidence, right)
    assert not metric.greater_is_better
    assert score(metric).value < 0.02
    assert score(expected_calibration_error(confidence, rng.random(20_000) < 0.5)).value == pytest.approx(
        0.25, abs=0.02
    )


def test_no_examples():
    assert score(expected_calibration_error(np.zeros(0), np.zeros(0))).value is None
    assert [b.n for b in reliability(np.zeros(0), np.zeros(0))] == [0] * 10


@pytest.mark.parametrize("bad", [1.5, -0.2, np.nan])
def test_what_is_no_confidence_is_refused(bad):
    with pytest.raises(ValueError, match="confidences"):
        reliability(np.array([0.5, bad]), np.array([1, 0]))
