import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from luthier.metrics.bootstrap import resample_counts, score
from luthier.metrics.regression import mae, mse, pearson, r2, regression_metrics, spearman

PAIRS = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=3, max_size=40)
OFFSETS = st.sampled_from([0.0, 0.1, 1e6])


def value(metric):
    return float(metric.on(np.ones((1, metric.n)))[0])


@given(PAIRS, OFFSETS)
def test_equal_to_scipy_and_sklearn(pairs, offset):
    predicted, gold = (np.array(pairs) / 4 + offset).T
    assert value(mse(predicted, gold)) == pytest.approx(sk.mean_squared_error(gold, predicted))
    assert value(mae(predicted, gold)) == pytest.approx(sk.mean_absolute_error(gold, predicted))
    assume(np.ptp(predicted) > 0 and np.ptp(gold) > 0)
    assert value(pearson(predicted, gold)) == pytest.approx(stats.pearsonr(predicted, gold).statistic, abs=1e-8)
    assert value(spearman(predicted, gold)) == pytest.approx(stats.spearmanr(predicted, gold).statistic, abs=1e-9)
    assert value(r2(predicted, gold)) == pytest.approx(sk.r2_score(gold, predicted), rel=1e-7, abs=1e-8)


def test_every_resample_equals_scipy_on_its_rows():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 6, 25).astype(float)
    predicted = gold + rng.normal(size=25).round(1)
    (counts,) = resample_counts(25, 40, 0)
    ours = {m.name: m.on(counts) for m in regression_metrics(predicted, gold)}
    for row in range(40):
        drawn = np.repeat(np.arange(25), counts[row].astype(int))
        p, g = predicted[drawn], gold[drawn]
        assert ours["pearson"][row] == pytest.approx(stats.pearsonr(p, g).statistic)
        assert ours["spearman"][row] == pytest.approx(stats.spearmanr(p, g).statistic)
        assert ours["r2"][row] == pytest.approx(sk.r2_score(g, p))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, 1e9 + 0.1])
def test_correlations_with_a_constant_are_not_defined(constant):
    varied, same = np.arange(7.0), np.full(7, constant)
    for metric in (pearson, spearman):
        assert score(metric(same, varied)).value is None
        assert score(metric(varied, same)).value is None
    assert score(r2(varied, same)).value is None
    assert score(r2(same, varied)).value is not None


@pytest.mark.parametrize("outlier", [0.3, 0.7, 7.3, 1 / 3, 1e3])
@pytest.mark.parametrize("drawn", [3, 7, 11, 49])
def test_a_constant_resample_is_not_defined(outlier, drawn):
    gold = np.array([0.1, 0.1, 0.1, outlier])
    counts = np.array([[drawn, 1.0, 1.0, 0.0]])
    for metric in (pearson(gold, gold), spearman(gold, gold), r2(gold, gold)):
        assert np.isnan(metric.on(counts)).all()


def test_digits_survive_a_large_offset():
    gold = 1e9 + np.array([0.0, 1.0, 2.0, 3.0])
    predicted = 1e9 + np.array([0.0, 1.0, 3.0, 2.0])
    assert value(pearson(predicted, gold)) == pytest.approx(0.8)
    assert value(spearman(predicted, gold)) == pytest.approx(0.8)
    assert value(r2(predicted, gold)) == pytest.approx(1 - 2 / 5)


def test_direction_and_names():
    metrics = regression_metrics(np.arange(4.0), np.arange(4.0))
    directions = {m.name: m.greater_is_better for m in metrics}
    assert directions == {"pearson": True, "spearman": True, "mse": False, "mae": False, "r2": True}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_leave_nothing_defined(bad):
    predicted = np.array([1.0, bad, 3.0])
    assert [score(m).value for m in regression_metrics(predicted, np.arange(3.0))] == [None] * 5


def test_few_examples():
    assert [score(m).value for m in regression_metrics(np.zeros(0), np.zeros(0))] == [None] * 5
    one = {m.name: score(m) for m in regression_metrics(np.array([2.0]), np.array([1.0]))}
    assert one["mse"].value == 1.0 and one["mse"].low is None
    assert one["pearson"].value is None and one["r2"].value is None


def test_interval_of_pearson_is_near_fishers():
    rng = np.random.default_rng(5)
    x, noise = rng.normal(size=(2, 1000))
    y = 0.7 * x + np.sqrt(1 - 0.49) * noise
    fisher = stats.pearsonr(x, y).confidence_interval(0.95)
    found = score(pearson(x, y))
    width = fisher.high - fisher.low
    assert found.low == pytest.approx(fisher.low, abs=0.15 * width)
    assert found.high == pytest.approx(fisher.high, abs=0.15 * width)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"must both be \[n\]"):
        pearson(np.zeros((3, 1)), np.zeros(3))
