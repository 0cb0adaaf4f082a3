"""Thresholds that are chosen on validation rows."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from luthier.tasks.text_classification.thresholds import DEFAULT, choose

P = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
TRUE = np.array([0, 0, 1, 0, 1, 0, 1, 1], dtype=bool)

# Half of the smallest number is 0, so that no threshold is between them.
PROBABILITIES = st.floats(0, 1, allow_subnormal=False)


def measured(threshold: float, probabilities: np.ndarray = P, truth: np.ndarray = TRUE) -> tuple[float, float, float]:
    """Precision, recall and F1 by their definitions."""
    assigned = probabilities >= threshold
    hits = (assigned & truth).sum()
    return hits / max(assigned.sum(), 1), hits / truth.sum(), 2 * hits / (assigned.sum() + truth.sum())


@pytest.mark.parametrize(
    ("aim", "threshold", "evidence"),
    [
        ("f1", 0.25, "precision 0.667 (4 of 6) and recall 1.000 (4 of 4)"),
        ("precision=0.9", 0.75, "precision 1.000 (2 of 2) and recall 0.500 (2 of 4)"),
        ("precision=0.75", 0.5, "precision 0.750 (3 of 4) and recall 0.750 (3 of 4)"),
        ("precision=.1", 0.25, "recall 1.000 (4 of 4)"),
        ("recall=0.75", 0.5, "precision 0.750 (3 of 4)"),
        ("recall=1", 0.25, "precision 0.667 (4 of 6)"),
    ],
)
def test_a_threshold_is_the_best_that_meets_its_aim(aim: str, threshold: float, evidence: str) -> None:
    found = choose(aim, P, TRUE, len(P))
    assert (found.reached, found.value) == (True, pytest.approx(threshold))
    assert found.why.startswith(f"chosen for {aim} on the 8 validation rows") and evidence in found.why


def test_a_precision_that_no_threshold_has_leaves_the_default() -> None:
    found = choose("precision=0.99", np.array([0.9, 0.8, 0.2]), np.array([False, True, True]), 3)
    assert (found.reached, found.value) == (False, DEFAULT)
    assert found.why == "precision=0.99 is not reached on the 3 validation rows: at most 0.667"


def test_without_true_labels_nothing_is_chosen() -> None:
    found = choose("f1", np.array([0.9, 0.1]), np.array([False, False]), 2)
    assert (found.reached, found.value) == (
        False,
        DEFAULT,
    ) and "there is no positive label in the 2 validation rows" in found.why


@given(st.lists(st.tuples(PROBABILITIES, st.booleans()), min_size=1, max_size=30), st.floats(0.01, 1))
def test_no_other_threshold_is_better(rows: list[tuple[float, bool]], least: float) -> None:
    p, truth = np.array([score for score, _ in rows]), np.array([true for _, true in rows])
    assume(truth.any())
    others = [measured(threshold, p, truth) for threshold in p]
    best = choose("f1", p, truth, len(p))
    assert measured(best.value, p, truth)[2] == pytest.approx(max(f1 for _, _, f1 in others), abs=1e-9)
    exact = choose(f"precision={least}", p, truth, len(p))
    met = [recall for precision, recall, _ in others if precision >= least]
    assert exact.reached == bool(met)
    if met:
        precision, recall, _ = measured(exact.value, p, truth)
        assert precision >= least - 1e-9 and recall == pytest.approx(max(met))
    found = choose(f"recall={least}", p, truth, len(p))
    assert found.reached and measured(found.value, p, truth)[1] >= least - 1e-9
