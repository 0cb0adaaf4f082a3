import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.metrics.bootstrap import score
from luthier.metrics.calibration import expected_calibration_error, fit_temperature, reliability, tempered


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
    assert bins[4].accuracy.n == 3


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


# -- temperature -----------------------------------------------------------------------------------------------------


def drawn(n: int, classes: int, scaled: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `[n, classes]` of logits that are too large by a factor, and the true class of each row."""
    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(0, 2, (n, classes)))
    true = [rng.choice(classes, p=row) for row in logits.softmax(-1).numpy()]
    return (scaled * logits).softmax(-1).numpy(), np.array(true)


def measures(probabilities: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and expected calibration error."""
    error = score(expected_calibration_error(probabilities.max(1), probabilities.argmax(1) == true), resamples=0)
    assert error.value is not None
    return float(-np.log(probabilities[np.arange(len(true)), true]).mean()), error.value


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(-12, 12), min_size=3, max_size=3), min_size=1, max_size=5),
    st.floats(0.7, 20),
)
def test_a_temperature_divides_the_logits(rows: list[list[float]], temperature: float):
    logits = torch.tensor(rows, dtype=torch.float64)
    found = tempered(logits.softmax(-1).numpy(), temperature)
    assert found == pytest.approx((logits / temperature).softmax(-1).numpy(), abs=1e-9)
    assert tempered(found, 1 / temperature) == pytest.approx(logits.softmax(-1).numpy(), abs=1e-9), "and back"


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("scaled", [0.5, 3.0])
def test_the_temperature_of_scaled_logits_is_found_and_calibrates_other_rows(classes: int, scaled: float):
    temperature = fit_temperature(*drawn(2000, classes, scaled))
    assert temperature == pytest.approx(scaled, rel=0.1)
    others, true = drawn(2000, classes, scaled, seed=1)
    before, after = measures(others, true), measures(tempered(others, temperature), true)
    assert after[0] < before[0] and after[1] < before[1] / 2


@pytest.mark.parametrize("right", [60, 57])
def test_rows_that_are_all_right_do_not_make_a_model_certain(right: int):
    """Rows of one confidence get the mean of the smoothed targets: 61/62 of a right row, 1/62 of a wrong one."""
    wrong = 60 - right
    temperature = fit_temperature(np.full((60, 2), [0.3, 0.7]), np.array([1] * right + [0] * wrong))
    mean = (right * 61 / 62 + wrong * 1 / 62) / 60
    assert tempered(np.array([[0.3, 0.7]]), temperature)[0, 1] == pytest.approx(mean, abs=1e-4)


def test_probabilities_that_no_temperature_improves_are_kept():
    assert fit_temperature(np.full((64, 2), [0.25, 0.75]), np.array([1, 1, 1, 0] * 16)) == 1.0
    opposite = np.full((64, 2), [0.1, 0.9]), np.zeros(64, dtype=int)
    assert fit_temperature(*opposite) == pytest.approx(20, rel=0.01), "within bounds"
