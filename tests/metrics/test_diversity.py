import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from luthier.metrics.bootstrap import resample_counts, score
from luthier.metrics.diversity import distinct, diversity_metrics, repetition, self_bleu

SAMPLES = st.lists(st.lists(st.sampled_from("abcd"), max_size=12), max_size=7)


def value(metric):
    return float(metric.on(np.ones((1, metric.n)))[0]) if metric.n else None


def ngrams(sample, n):
    return [tuple(sample[at : at + n]) for at in range(len(sample) - n + 1)]


@given(SAMPLES, st.integers(1, 3))
def test_distinct_is_different_by_all(samples, n):
    every = [ngram for sample in samples for ngram in ngrams(sample, n)]
    expected = len(set(every)) / len(every) if every else None
    found = score(distinct(samples, n), resamples=0).value
    assert found == (pytest.approx(expected) if every else None)


def test_distinct_by_hand():
    texts = ["The cat, the cat.", "A dog! The cat"]
    found = {metric.name: value(metric) for metric in diversity_metrics(texts)}
    assert found["distinct_1"] == pytest.approx(4 / 8)  # the cat a dog
    assert found["distinct_2"] == pytest.approx(4 / 6)  # the cat, cat the, a dog, dog the
    assert found["distinct_3"] == pytest.approx(4 / 4)  # the cat the, cat the cat, a dog the, dog the cat


def test_intervals_of_distinct_cover_what_other_samples_give():
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 301)

    def draw():
        return [list(rng.choice(300, rng.integers(5, 40), p=share / share.sum()).astype(str)) for _ in range(60)]

    found = [score(distinct(draw(), 2), resamples=200) for _ in range(60)]
    mean = np.mean([one.value for one in found])
    assert np.mean([one.low <= mean <= one.high for one in found]) > 0.85
    assert all(one.low < one.value < one.high for one in found)


def test_distinct_in_resamples():
    # a b is in both, b c and c d in the first alone.
    metric = distinct([list("abcd"), list("ab")], 2)
    assert metric.on(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])) == pytest.approx([3 / 4, 5 / 6, 1 / 2])


def test_repetition():
    # Five 4-grams of which abcd comes twice; four alike; none.
    samples = [list("abcdabcd"), list("xxxxxxx"), list("abcde"), list("abc"), []]
    assert value(repetition(samples)) == pytest.approx((1 / 5 + 3 / 4 + 0) / 3)
    assert score(repetition([list("abc"), []])).value is None


@given(SAMPLES)
def test_self_bleu_equal_to_sacrebleu(samples):
    bleu = BLEU(tokenize="none", effective_order=True)
    texts = [" ".join(sample) for sample in samples if sample]
    found = score(self_bleu(samples), resamples=0).value
    if len(texts) < 2:
        assert found is None
        return
    scores = [bleu.sentence_score(text, texts[:at] + texts[at + 1 :]).score for at, text in enumerate(texts)]
    assert found == pytest.approx(np.mean(scores) / 100)


def test_self_bleu_from_copies_to_nothing_in_common():
    assert value(self_bleu([list("abcdef")] * 5)) == pytest.approx(1)
    assert value(self_bleu([list("abcd"), list("efgh"), list("ijkl")])) == 0


def test_self_bleu_of_many_texts_takes_a_hundred_evenly():
    rng = np.random.default_rng(0)
    samples = [list(rng.choice(list("abcdefgh"), 8)) for _ in range(250)]
    metric = self_bleu(samples)
    taken = np.flatnonzero(metric.statistics[:, 1])
    assert len(taken) == 100 and set(np.diff(taken)) == {2, 3} and metric.n == 250
    assert value(metric) == pytest.approx(value(self_bleu([samples[at] for at in taken])))


def test_directions_names_and_resamples():
    metrics = diversity_metrics(["a b c d e", "b c d e f", "x y"])
    directions = {metric.name: metric.greater_is_better for metric in metrics}
    assert directions == {
        "distinct_1": True,
        "distinct_2": True,
        "distinct_3": True,
        "repetition": False,
        "self_bleu": False,
    }
    (counts,) = resample_counts(3, 50, 0)
    for metric in metrics:
        found = metric.on(counts)
        assert ((found >= 0) & (found <= 1) | np.isnan(found)).all()


@pytest.mark.parametrize("texts", [[], [""], ["", " !"], ["one"]])
def test_tiny(texts):
    for metric in diversity_metrics(texts):
        found = score(metric).value
        assert found is None or 0 <= found <= 1
