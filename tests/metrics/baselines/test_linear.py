"""Linear models on features: their outputs are scikit-learn's, and labels without rows are never predicted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from luthier.metrics.baselines.linear import binary_regressions, ridge, softmax_regression

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(3, [1, 20, 0.1, 5], size=(90, 4))


@pytest.mark.parametrize("n_labels", [2, 3])
def test_its_softmax_gives_the_probabilities_of_scikit_learn(n_labels: int) -> None:
    labels = np.digitize(FEATURES[:, 0] + FEATURES[:, 3] / 5, [4, 6][: n_labels - 1])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=2 / 90, max_iter=300)).fit(FEATURES, labels)
    found = softmax(softmax_regression(FEATURES, labels, n_labels).outputs(FEATURES), axis=1)
    np.testing.assert_allclose(found, model.predict_proba(FEATURES), atol=1e-6)


def test_each_label_of_several_has_a_regression_of_its_own() -> None:
    labels = (FEATURES[:, [0, 3]] > 3).astype(np.int64)
    found = expit(binary_regressions(FEATURES, labels).outputs(FEATURES))
    for label in (0, 1):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=2 / 90, max_iter=300))
        expected = model.fit(FEATURES, labels[:, label]).predict_proba(FEATURES)[:, 1]
        np.testing.assert_allclose(found[:, label], expected, atol=1e-6)


def test_labels_that_all_rows_have_or_none_are_constant() -> None:
    labels = np.stack([np.ones(90), np.zeros(90), FEATURES[:, 0] > 3], axis=1).astype(np.int64)
    found = binary_regressions(FEATURES, labels).outputs(FEATURES)
    assert (found[:, 0] > 10).all() and (found[:, 1] < -10).all() and len(set(found[:, 2])) > 1


@given(present=st.sets(st.integers(0, 4), min_size=1), seed=st.integers(0, 99))
def test_a_label_without_rows_is_never_predicted(present: set[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([*present, *rng.choice(sorted(present), size=10)])
    features = rng.normal(size=(len(labels), 3)) * rng.choice([0, 1, 1e4], size=3)
    model = softmax_regression(features, labels, 5)
    assert set(model.outputs(rng.normal(size=(20, 3))).argmax(axis=1)) <= present


def test_ridge_finds_a_linear_relation_and_ignores_noise() -> None:
    values = 2 * FEATURES[:, 0] - FEATURES[:, 1] + 7
    np.testing.assert_allclose(ridge(FEATURES, values).outputs(FEATURES)[:, 0], values, atol=0.1)
    noise = ridge(FEATURES, RNG.normal(size=90)).outputs(FEATURES)[:, 0]
    assert noise.std() < 0.3


def test_constant_features_do_no_harm() -> None:
    features = np.concatenate([FEATURES, np.full((90, 1), 1e-9)], axis=1)
    labels = (FEATURES[:, 0] > 3).astype(np.int64)
    one, other = softmax_regression(FEATURES, labels, 2), softmax_regression(features, labels, 2)
    np.testing.assert_allclose(one.outputs(FEATURES), other.outputs(features), atol=1e-9)


@given(present=st.sets(st.integers(0, 4), min_size=1, max_size=4), unseen=st.floats(-9, 0), seed=st.integers(0, 99))
def test_a_label_without_rows_has_the_odds_that_are_asked_for(present: set[int], unseen: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([*present, *rng.choice(sorted(present), size=10)])
    features = rng.normal(5, 3, size=(len(labels), 3))
    logits = softmax_regression(features, labels, 5, unseen).outputs(features)
    for label in {*range(5)} - present:
        odds = logits[:, label] - logsumexp(logits[:, sorted(present)], axis=1)
        assert odds.mean() == pytest.approx(unseen, abs=1e-6)


def test_labels_that_all_rows_have_or_none_have_the_odds_that_are_asked_for() -> None:
    labels = np.stack([np.ones(90), np.zeros(90)], axis=1).astype(np.int64)
    np.testing.assert_array_equal(binary_regressions(FEATURES, labels, -4.5).outputs(FEATURES), [[4.5, -4.5]] * 90)
