"""Areas under the curves are scikit-learn's, on the examples and on every resample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from luthier.metrics.bootstrap import scores
from luthier.metrics.ranking import ranking_metrics


@given(st.integers(2, 40), st.integers(1, 3), st.integers(1, 6), st.integers(0, 2**31))
def test_the_areas_are_those_of_scikit_learn_on_any_resample(n: int, labels: int, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few levels, so that many scores are equal.
    given_scores, truth = rng.integers(levels, size=(n, labels)) / levels, rng.random((n, labels)) < 0.4
    counts = np.bincount(rng.integers(n, size=n), minlength=n)
    drawn = np.repeat(np.arange(n), counts)
    found = [float(metric.on(counts[None].astype(float))[0]) for metric in ranking_metrics(given_scores, truth)]
    right = truth[drawn].ravel()
    if right.all() or not right.any():
        assert np.isnan(found).all()
    else:
        expected = [measure(right, given_scores[drawn].ravel()) for measure in (roc_auc_score, average_precision_score)]
        assert found == pytest.approx(expected)


def test_the_examples_are_resampled_whole() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((200, 1)) < 0.5
    roc, precision = scores(ranking_metrics(truth + rng.normal(size=(200, 1)), truth), resamples=200)
    assert roc.n == 200 and roc.low is not None and roc.value is not None and roc.high is not None
    assert 0.6 < roc.low < roc.value < roc.high < 0.9
    assert precision.value is not None and precision.value > 0.6
