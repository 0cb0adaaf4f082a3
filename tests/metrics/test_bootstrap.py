import json
import math

import numpy as np
import pytest
from scipy import stats

from luthier.errors import UsageError
from luthier.metrics.base import Metric, ResampledMetric, average
from luthier.metrics.bootstrap import Score, covariance, difference, resample_counts, score, scores
from luthier.metrics.classification import classification_metrics
from luthier.metrics.translation import translation_metrics


def mean_of(values, name="mean"):
    return average(name, np.asarray(values, dtype=float))


def resampled_mean(values, **options):
    values = np.asarray(values, dtype=float)
    return ResampledMetric("mean", len(values), lambda indices: float(values[indices].mean()), **options)


def test_metrics_vary_together_over_the_rows_as_their_errors_do():
    rng = np.random.default_rng(4)
    first = rng.random(2000) < 0.8
    other = np.where(rng.random(2000) < 0.9, first, ~first)
    found = covariance([mean_of(first), mean_of(other), mean_of(first)])
    expected = np.cov(np.stack([first, other, first]).astype(float)) / 2000
    assert found == pytest.approx(expected, rel=0.15)
    certain = covariance([mean_of([1.0] * 20), mean_of([1.0] * 20)])
    assert certain[0, 0] > 0 and certain[0, 1] == 0  # 20 of 20 right says little of the next 20
    same = covariance([mean_of(first[:50]), mean_of(first[:50])])
    assert same[0, 0] - same[0, 1] == pytest.approx(1 / 50**2)  # they can differ on a row that is not there
    assert np.isnan(covariance([resampled_mean([1.0])])).all()  # one row has no interval


def test_interval_of_a_proportion_is_the_normal_one():
    rng = np.random.default_rng(1)
    right = rng.random(2000) < 0.3
    found = score(mean_of(right))
    p = right.mean()
    half = 1.96 * math.sqrt(p * (1 - p) / 2000)
    assert found.value == pytest.approx(p)
    assert found.low == pytest.approx(p - half, abs=0.15 * half)
    assert found.high == pytest.approx(p + half, abs=0.15 * half)
    assert found.n == 2000


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    covered = 0
    for draw in range(300):
        found = score(mean_of(rng.random(200) < 0.6), resamples=400, seed=draw)
        covered += found.low <= 0.6 <= found.high
    # 95 % of 300 is 285; four standard deviations of the count are 15.
    assert 270 <= covered <= 300


@pytest.mark.parametrize("p", [0.85, 0.97, 0.995])
@pytest.mark.parametrize("name", ["accuracy", "f1", "mcc"])
def test_intervals_near_the_edges_cover_the_truth_as_often_as_they_say(name, p):
    n, draws = 60, 150
    rng = np.random.default_rng(3)
    truth = {"accuracy": p, "f1": p, "mcc": 2 * p - 1}[name]  # two classes of equal size, errors in both alike
    covered = 0
    for draw in range(draws):
        gold = rng.integers(2, size=n)
        predicted = np.where(rng.random(n) < p, gold, 1 - gold)
        metrics = {metric.name: metric for metric in classification_metrics(predicted, gold, 2, positive=1)}
        found = score(metrics[name], resamples=300, seed=draw)
        covered += found.low is not None and found.low <= truth <= found.high
    assert covered >= 0.9 * draws


def test_a_perfect_score_on_few_examples_is_not_certain():
    perfect = score(average("accuracy", np.ones(30)))
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(30 / (30 + 1.959964**2))  # Wilson's interval of n of n
    none = score(average("accuracy", np.zeros(30)))
    assert (none.low, none.value) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - perfect.low)
    assert score(average("accuracy", np.ones(300))).low > perfect.low


def test_a_share_with_one_error_reaches_lower_than_one_without():
    values = np.ones(30)
    values[0] = 0
    one_error, perfect = score(average("accuracy", values)), score(average("accuracy", np.ones(30)))
    assert one_error.low < perfect.low
    assert one_error.high < 1


def test_every_perfect_metric_of_a_classifier_has_an_interval():
    gold = np.array([0, 1, 2] * 10)
    found = {metric.name: score(metric) for metric in classification_metrics(gold, gold, 3)}
    e = 1 - 30 / (30 + 1.959964**2)
    assert {name: one.high for name, one in found.items()} == dict.fromkeys(found, 1.0)
    assert found["f1_macro"].low == pytest.approx(1 - e)
    # Errors cost a correlation more: three classes of equal size, chance agreement 1/3.
    assert found["mcc"].low == pytest.approx(1 - 1.5 * e)


def test_a_class_of_few_examples_has_a_wider_interval_than_the_whole():
    gold = np.array([0] * 95 + [1] * 5)
    accuracy, f1, precision, recall, _ = (score(one) for one in classification_metrics(gold, gold, 2, positive=1))
    assert accuracy.low > 0.95
    assert f1.low == precision.low == recall.low == pytest.approx(5 / (5 + 1.959964**2))


def test_the_edge_of_translation_scores_is_a_hundred():
    texts = [f"the violin number {i} is old and very well made" for i in range(20)]
    for metric in translation_metrics(texts, [[text] for text in texts]):
        found = score(metric)
        assert found.value == pytest.approx(100)
        assert found.low == pytest.approx(100 * 20 / (20 + 1.959964**2))


def test_interval_agrees_with_scipy():
    values = np.random.default_rng(3).lognormal(size=150)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    ours = score(mean_of(values), resamples=4000)
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)


def test_level_widens_the_interval():
    metric = mean_of(np.random.default_rng(4).random(100))
    narrow, wide = score(metric, level=0.8), score(metric, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_same_inputs_give_the_same_bits_and_another_seed_does_not():
    metric = mean_of(np.random.default_rng(5).random(3000))
    assert score(metric) == score(metric)
    assert score(metric, seed=1) != score(metric)


def test_blocks_do_not_change_the_resamples(monkeypatch):
    metric = average("hits", np.arange(50) % 3 == 0)
    whole = score(metric, resamples=100)
    counts = np.concatenate(list(resample_counts(50, 100, 0)))
    monkeypatch.setattr("luthier.metrics.bootstrap._BLOCK", 350)
    blocks = list(resample_counts(50, 100, 0))
    assert len(blocks) == 15
    np.testing.assert_array_equal(np.concatenate(blocks), counts)
    assert (counts.sum(axis=1) == 50).all()
    assert score(metric, resamples=100) == whole


def test_summed_and_recomputed_metrics_see_the_same_resamples():
    values = np.random.default_rng(6).integers(0, 5, 80)
    summed, recomputed = score(mean_of(values)), score(resampled_mean(values))
    assert (summed.value, summed.low, summed.high) == pytest.approx(
        (recomputed.value, recomputed.low, recomputed.high), abs=1e-12
    )
    gap = difference(mean_of(values), resampled_mean(values))
    assert gap.value == pytest.approx(0, abs=1e-12)
    assert gap.low is None or gap.high - gap.low < 1e-12


def test_the_most_resamples_of_a_metric_are_kept():
    calls = []

    def function(indices):
        calls.append(len(indices))
        return float(indices.mean())

    found = score(ResampledMetric("mean", 10, function, max_resamples=7))
    assert calls == [10] * 8
    assert found.low < found.high
    assert score(ResampledMetric("mean", 10, function, max_resamples=0)) == Score(4.5, None, None, 10)


def test_scores_are_those_of_one_at_a_time():
    rng = np.random.default_rng(7)
    statistics = rng.random((60, 2))
    metrics = [
        Metric("a", statistics, lambda sums: sums[..., 0] / sums[..., 1]),
        resampled_mean(rng.random(60), max_resamples=20),
        Metric("b", statistics, lambda sums: sums[..., 1] / sums[..., 0]),
    ]
    assert scores(metrics, resamples=200) == [score(metric, resamples=200) for metric in metrics]
    assert scores([]) == []


def test_paired_difference_is_narrower_than_unpaired():
    rng = np.random.default_rng(8)
    hard = rng.random(500)
    a, b = mean_of(hard < 0.8), mean_of(hard < 0.75)
    gap = difference(a, b)
    assert gap.value == pytest.approx(score(a).value - score(b).value)
    assert gap.excludes_zero
    # Only the examples between 0.75 and 0.8 differ: a difference of 0/1 values has this standard error.
    d = ((hard < 0.8) & (hard >= 0.75)).astype(float)
    half = 1.96 * d.std() / math.sqrt(500)
    assert (gap.high - gap.low) / 2 == pytest.approx(half, rel=0.15)
    assert not difference(a, a).excludes_zero


def test_metrics_that_are_equal_on_every_resample_differ_by_exactly_0():
    a, shifted = mean_of([1, 0, 1, 1]), mean_of([2, 1, 2, 2])
    assert difference(a, a) == Score(0.0, 0.0, 0.0, 4)
    assert difference(shifted, a) == Score(1.0, None, None, 4), "a constant difference has no interval"
    assert difference(a, a, resamples=0) == Score(0.0, None, None, 4)
    assert difference(mean_of([1]), mean_of([1])) == Score(0.0, None, None, 1)
    assert difference(a, mean_of([0, 1, 1, 1])).low < 0, "equal means of other rows are tested"


@pytest.mark.parametrize(("n", "significant"), [(1, False), (2, False), (3, False), (5, True), (20, True)])
def test_all_right_against_all_wrong_is_tested(n, significant):
    right, wrong = average("x", np.ones(n)), average("x", np.zeros(n))
    gap, back = difference(right, wrong), difference(wrong, right)
    assert (gap.value, back.value) == (1, -1)
    assert gap.excludes_zero is back.excludes_zero is significant
    assert (gap.low is None) is (n == 1)
    if n > 1:
        assert (gap.low, gap.high) == (-back.high, -back.low) == (score(right).low - score(wrong).high, 1)
    assert difference(right, wrong, resamples=0) == Score(1.0, None, None, n)


def test_difference_of_metrics_on_different_examples_is_refused():
    with pytest.raises(UsageError, match="3 and 4 examples"):
        difference(mean_of([1, 0, 1]), mean_of([1, 0, 1, 1]))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], Score(None, None, None, 0)),
        ([0.5], Score(0.5, None, None, 1)),
        ([2, 2, 2, 2], Score(2.0, None, None, 4)),
        ([1, np.nan], Score(None, None, None, 2)),
        ([1, np.inf], Score(None, None, None, 2)),
    ],
)
def test_degenerate_examples(values, expected):
    assert score(mean_of(values)) == expected
    assert "NaN" not in json.dumps(expected.to_dict())


def test_no_resamples_no_interval():
    assert score(mean_of([0, 1, 1, 1]), resamples=0) == Score(0.75, None, None, 4)


def test_resamples_where_it_is_not_defined_are_left_out():
    values = np.arange(20.0)
    often = ResampledMetric("x", 20, lambda i: float(values[i].mean()) if 0 in i else math.nan)
    seldom = ResampledMetric("x", 20, lambda i: float(values[i].mean()) if np.isin([0, 1, 2], i).all() else math.nan)
    # 0 is drawn in 64 % of the resamples, 0, 1 and 2 together in about a quarter.
    assert score(often).low is not None
    assert score(seldom) == Score(9.5, None, None, 20)


def test_to_dict():
    assert Score(0.5, 0.25, 0.75, 4).to_dict() == {"value": 0.5, "low": 0.25, "high": 0.75, "n": 4}


def test_excludes_zero():
    assert Score(0.5, 0.1, 0.9, 4).excludes_zero
    assert Score(-0.5, -0.9, -0.1, 4).excludes_zero
    assert not Score(0.5, -0.1, 0.9, 4).excludes_zero
    assert not Score(0.5, None, None, 1).excludes_zero
