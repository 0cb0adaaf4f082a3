import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk

from luthier.metrics.bootstrap import score
from luthier.metrics.classification import class_table
from luthier.metrics.multilabel import (
    exact_match,
    f1_macro,
    f1_micro,
    jaccard,
    label_counts,
    multilabel_metrics,
)

BITS = st.tuples(st.integers(1, 12), st.integers(2, 5)).flatmap(
    lambda shape: arrays(np.int64, (2, *shape), elements=st.integers(0, 1))
)


def value(metric):
    return float(metric.on(np.ones((1, metric.n)))[0])


@given(BITS)
def test_equal_to_sklearn(pair):
    predicted, gold = pair
    counts = label_counts(predicted, gold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric, average in ((f1_micro(counts), "micro"), (f1_macro(counts), "macro")):
            assert value(metric) == pytest.approx(sk.f1_score(gold, predicted, average=average, zero_division=0))
        expected = sk.jaccard_score(gold, predicted, average="samples", zero_division=1)
        assert value(jaccard(predicted, gold)) == pytest.approx(expected)
        assert value(exact_match(predicted, gold)) == pytest.approx(sk.accuracy_score(gold, predicted))


def test_by_hand():
    gold = [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
    predicted = [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    found = {m.name: value(m) for m in multilabel_metrics(predicted, gold)}
    assert found["jaccard"] == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert found["exact_match"] == pytest.approx(1 / 3)
    assert found["f1_micro"] == pytest.approx(2 * 2 / (3 + 3))
    assert found["f1_macro"] == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_table_of_labels():
    rng = np.random.default_rng(0)
    gold = rng.integers(2, size=(50, 3))
    predicted = np.where(rng.random((50, 3)) < 0.8, gold, 1 - gold)
    table = class_table(label_counts(predicted, gold), ["a", "b", "c"])
    for k, row in enumerate(table):
        assert row.f1.value == pytest.approx(sk.f1_score(gold[:, k], predicted[:, k]))
        assert row.f1.low < row.f1.value < row.f1.high
        assert row.support == gold[:, k].sum()


def test_a_table_without_any_gold_label_is_zero_and_defined():
    table = class_table(label_counts(np.eye(3, dtype=int), np.zeros((3, 3), dtype=int)), ["a", "b", "c"])
    assert [row.f1.value for row in table] == [0.0, 0.0, 0.0]


def test_no_examples():
    empty = np.zeros((0, 3), dtype=int)
    assert [score(metric).value for metric in multilabel_metrics(empty, empty)] == [None] * 4


def test_probabilities_are_refused():
    with pytest.raises(ValueError, match="0 and 1"):
        label_counts(np.array([[0.3, 0.8]]), np.array([[0, 1]]))
    with pytest.raises(ValueError, match=r"\[n, labels\]"):
        label_counts(np.array([0, 1]), np.array([0, 1]))
