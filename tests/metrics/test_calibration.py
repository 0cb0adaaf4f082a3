import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from luthier.metrics.calibration import fit_temperature, tempered
from luthier.tasks.calibration import calibration_panel


def drawn(n: int, classes: int, scaled: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `[n, classes]` of logits that are too large by a factor, and the true class of each row."""
    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(0, 2, (n, classes)))
    true = [rng.choice(classes, p=row) for row in logits.softmax(-1).numpy()]
    return (scaled * logits).softmax(-1).numpy(), np.array(true)


def measures(probabilities: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Cross-entropy and expected calibration error."""
    error = calibration_panel(probabilities.max(1), probabilities.argmax(1) == true).error
    return float(-np.log(probabilities[np.arange(len(true)), true]).mean()), error


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
