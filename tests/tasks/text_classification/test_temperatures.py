"""The temperature that calibrates probabilities, and when there is none."""

import numpy as np
import pytest
from scipy.special import softmax

from luthier.tasks.text_classification.temperatures import LEAST, Decided, Temperature, fit, moved


def decided(n: int, true: float = 0.75) -> Decided:
    """Rows of which all have a confidence of 0.95, and a share of 1 minus `true` is wrong."""
    gold = (np.arange(n) % 4 < 4 * true).astype(int)
    return Decided(np.tile([0.05, 0.95], (n, 1)), np.ones(n, dtype=int), gold)


@pytest.mark.parametrize(
    ("rows", "true", "why"),
    [
        (0, 0.75, "0 validation rows; a temperature needs at least 50"),
        (1, 0.75, "1 validation row; a temperature needs at least 50"),
        (5, 0.75, "5 validation rows; a temperature needs at least 50"),
        (LEAST - 1, 0.75, "49 validation rows; a temperature needs at least 50"),
        (LEAST, 1.0, "only one class occurs in the 50 validation rows; a temperature needs two"),
        (LEAST, 0.0, "only one class occurs in the 50 validation rows; a temperature needs two"),
    ],
)
def test_few_rows_or_one_class_have_no_temperature(rows: int, true: float, why: str) -> None:
    found = fit(decided(rows, true), rows)
    assert (found, found.name) == (Temperature(1.0, why), "none")


def test_an_overconfident_model_is_given_the_accuracy_of_its_confidence() -> None:
    found = fit(decided(2000), 2000)
    assert decided(4).confidence(found.value) == pytest.approx([0.75] * 4, abs=1e-3)
    assert found.name == f"temperature {found.value:.2f}"
    assert found.why == "fitted on the 2,000 validation rows: cross-validated loss 0.787 -> 0.562"


def test_calibrated_probabilities_are_kept() -> None:
    right = Decided(np.tile([0.25, 0.75], (80, 1)), np.ones(80, dtype=int), decided(80).true)
    assert fit(right, 80) == Temperature(1.0, "no significant gain on the 80 validation rows")


@pytest.mark.parametrize("labels", [1, 11])
def test_noise_is_hardly_ever_taken_for_a_temperature(labels: int) -> None:
    """Of models that are calibrated already, and of those that are right on every row, few get a temperature."""
    fitted = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        logits = rng.normal(scale=1.5, size=(60 * labels, 2))
        probabilities = softmax(logits, axis=1)
        true = (rng.random(60 * labels) < probabilities[:, 1]).astype(int)
        fitted += fit(Decided(probabilities, probabilities.argmax(axis=1), true), 60).value != 1
    assert fitted <= 4


def test_the_confidence_is_the_probability_of_the_prediction() -> None:
    one = Decided(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1]), np.array([1, 0]))
    assert one.confidence().tolist() == [0.8, 0.4] and one.right.tolist() == [True, False]
    # Odds of 4 to 1 become their square root.
    assert one.confidence(2.0) == pytest.approx([2 / 3, 1 / (1 + 1.5**0.5)])


def test_a_threshold_moves_with_the_probabilities() -> None:
    assert moved(0.8, 2.0) == pytest.approx(2 / 3) and moved(moved(0.8, 2.0), 0.5) == pytest.approx(0.8)
    assert [moved(p, 3.0) for p in (0.0, 0.5, 1.0)] == [0.0, 0.5, 1.0]
