import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from luthier.metrics.bootstrap import resample_counts, score
from luthier.metrics.classification import (
    accuracy,
    class_counts,
    class_table,
    classification_metrics,
    confusion,
    macro,
    mcc,
)

LABELS = st.integers(1, 6).flatmap(
    lambda k: st.tuples(
        st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=40)
    )
)


def value(metric):
    return float(metric.on(np.ones((1, metric.n)))[0])


@given(LABELS)
def test_equal_to_sklearn(case):
    n_classes, pairs = case
    predicted, gold = np.array(pairs).T
    counts = class_counts(predicted, gold, n_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert value(accuracy(counts)) == pytest.approx(sk.accuracy_score(gold, predicted))
        assert value(mcc(counts)) == pytest.approx(sk.matthews_corrcoef(gold, predicted), abs=1e-12)
        for name, theirs in (("f1", sk.f1_score), ("precision", sk.precision_score), ("recall", sk.recall_score)):
            expected = theirs(gold, predicted, average="macro", zero_division=0)
            assert value(macro(name, counts)) == pytest.approx(expected)
        matrix = sk.confusion_matrix(gold, predicted, labels=range(n_classes))
    np.testing.assert_array_equal(confusion(predicted, gold, n_classes), matrix)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40), st.integers(0, 1))
def test_binary_equal_to_sklearn(pairs, positive):
    predicted, gold = np.array(pairs).T
    found = {m.name: value(m) for m in classification_metrics(predicted, gold, 2, positive=positive)}
    expected = {
        "f1": sk.f1_score(gold == positive, predicted == positive, zero_division=0),
        "precision": sk.precision_score(gold == positive, predicted == positive, zero_division=0),
        "recall": sk.recall_score(gold == positive, predicted == positive, zero_division=0),
    }
    assert list(found) == ["accuracy", "f1", "precision", "recall", "mcc"]
    for name, number in expected.items():
        assert found[name] == pytest.approx(number)


def test_every_resample_equals_sklearn_on_its_rows():
    rng = np.random.default_rng(0)
    gold = rng.choice(4, 30, p=[0.6, 0.3, 0.07, 0.03])
    predicted = np.where(rng.random(30) < 0.7, gold, rng.integers(4, size=30))
    statistics = class_counts(predicted, gold, 4)
    (counts,) = resample_counts(30, 50, 0)
    ours = {m.name: m.on(counts) for m in (macro("f1", statistics), mcc(statistics))}
    for row in range(50):
        drawn = np.repeat(np.arange(30), counts[row].astype(int))
        theirs = sk.f1_score(gold[drawn], predicted[drawn], average="macro", zero_division=0)
        assert ours["f1_macro"][row] == pytest.approx(theirs)
        assert ours["mcc"][row] == pytest.approx(sk.matthews_corrcoef(gold[drawn], predicted[drawn]))


def test_by_hand():
    predicted, gold = [1, 1, 0, 1, 0], [1, 0, 0, 1, 1]
    found = {m.name: value(m) for m in classification_metrics(predicted, gold, 2, positive=1)}
    # tp 2, fp 1, fn 1, tn 1
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["precision"] == found["recall"] == found["f1"] == pytest.approx(2 / 3)
    assert found["mcc"] == pytest.approx((2 * 1 - 1 * 1) / np.sqrt(3 * 3 * 2 * 2))
    np.testing.assert_array_equal(confusion(predicted, gold, 2), [[1, 1], [1, 2]])


def test_names_of_the_macro_set():
    names = [m.name for m in classification_metrics([0, 1, 2], [0, 1, 1], 3)]
    assert names == ["accuracy", "f1_macro", "precision_macro", "recall_macro", "mcc"]


def test_class_table():
    gold = np.array([0] * 10 + [1] * 5)
    predicted = np.array([0] * 8 + [1] * 2 + [1] * 4 + [0])
    table = class_table(class_counts(predicted, gold, 3), ["a", "b", "c"])
    report = sk.classification_report(
        gold, predicted, labels=[0, 1, 2], target_names=["a", "b", "c"], output_dict=True, zero_division=0
    )
    assert [row.name for row in table] == ["a", "b", "c"]
    for row in table:
        theirs = report[row.name]
        assert row.precision.value == pytest.approx(theirs["precision"])
        assert row.recall.value == pytest.approx(theirs["recall"])
        assert row.f1.value == pytest.approx(theirs["f1-score"])
        assert row.support == theirs["support"]
    assert [row.predicted for row in table] == [9, 6, 0]
    assert table[0].f1.low < table[0].f1.value < table[0].f1.high
    assert table[2].f1.value == 0 and table[2].f1.low is None
    assert table[1].f1.n == 15


def test_the_table_agrees_with_the_metric_of_the_class():
    rng = np.random.default_rng(3)
    gold, predicted = rng.integers(2, size=100), rng.integers(2, size=100)
    table = class_table(class_counts(predicted, gold, 2), ["no", "yes"])
    alone = {m.name: score(m) for m in classification_metrics(predicted, gold, 2, positive=1)}
    assert (table[1].f1, table[1].precision, table[1].recall) == (alone["f1"], alone["precision"], alone["recall"])


def test_no_examples():
    for metric in classification_metrics([], [], 3):
        assert score(metric).value is None
    assert confusion([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("predicted", "gold"), [([0, 3], [0, 1]), ([0, 1], [0, -1]), ([0], [0, 1])])
def test_wrong_labels_are_refused(predicted, gold):
    with pytest.raises(ValueError, match="must"):
        class_counts(predicted, gold, 3)
