import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.metrics.baselines.ngram import trigram_nll

V = 5
DOCUMENTS = st.lists(st.lists(st.integers(0, V - 1), max_size=12), max_size=8)
BEGIN = "begin"


def textbook(train):
    """P(w | u, v) of interpolated Kneser-Ney, in dictionaries and by recursion (Chen and Goodman 1999)."""
    raw = Counter()
    for document in train:
        padded = [BEGIN, BEGIN, *document]
        raw.update(zip(padded, padded[1:], padded[2:], strict=False))
    counts = [Counter(), Counter(), raw]
    for order in (1, 0):
        for ngram in counts[order + 1]:
            counts[order][ngram[1:]] += 1
    discounts, after = [], []
    for count in counts:
        once, twice = (sum(c == k for c in count.values()) for k in (1, 2))
        discounts.append(min(max(once / (once + 2 * twice), 0.1), 0.9) if once else 0.5)
        following = defaultdict(dict)
        for ngram, c in count.items():
            following[ngram[:-1]][ngram[-1]] = c
        after.append(following)

    def probability(context, word):
        order = len(context)
        lower = probability(context[1:], word) if order else 1 / V
        following = after[order].get(context)
        if not following:
            return lower
        total = sum(following.values())
        kept = max(following.get(word, 0) - discounts[order], 0)
        return (kept + discounts[order] * len(following) * lower) / total

    return probability


@given(DOCUMENTS, DOCUMENTS)
def test_equal_to_the_textbook(train, test):
    probability = textbook(train)
    for first in (True, False):
        expected = []
        for document in test:
            padded = [BEGIN, BEGIN, *document]
            places = range(0 if first else 1, len(document))
            expected.append(-sum(math.log(probability((padded[i], padded[i + 1]), padded[i + 2])) for i in places))
        assert trigram_nll(train, test, V, first=first) == pytest.approx(expected)


@given(DOCUMENTS, st.lists(st.integers(0, V - 1), max_size=3))
def test_probabilities_sum_to_one(train, context):
    after = trigram_nll(train, [[*context, word] for word in range(V)], V)
    before = trigram_nll(train, [context], V)
    assert np.exp(before - after).sum() == pytest.approx(1)


def test_uniform_without_training():
    assert trigram_nll([], [[0, 1, 2], []], 10) == pytest.approx([3 * math.log(10), 0])
    assert trigram_nll([[]], [[3]], 10, first=False) == pytest.approx([0])
    assert trigram_nll([[1]], [], 10).shape == (0,)


def test_by_hand():
    # One trigram (begin, begin, 0), seen once: the discount of every order is kept at 0.9.
    unigram = 0.1 + 0.9 / 4
    bigram = 0.1 + 0.9 * unigram
    assert trigram_nll([[0]], [[0]], 4) == pytest.approx([-math.log(0.1 + 0.9 * bigram)])


def test_documents_do_not_run_into_one_another():
    # 1 always follows 0 within a document; across documents 0 follows 1, which must not be learnt.
    train = [np.array([0, 1])] * 50
    inside, across = trigram_nll(train, [[0, 1], [0, 1, 0]], 3)
    assert inside < 0.1
    assert across - inside > 1


def test_better_than_its_parts_on_what_has_structure():
    rng = np.random.default_rng(0)
    # Each token follows from the two before it nine times in ten.
    rule = rng.integers(20, size=(20, 20))

    def document():
        tokens = [0, 1]
        for _ in range(200):
            tokens.append(int(rule[tokens[-2], tokens[-1]]) if rng.random() < 0.9 else int(rng.integers(20)))
        return np.array(tokens)

    train, test = [document() for _ in range(60)], [document() for _ in range(5)]
    per_token = trigram_nll(train, test, 20).sum() / sum(map(len, test))
    entropy = -(0.905 * math.log(0.905) + 19 * 0.005 * math.log(0.005))
    assert entropy < per_token < 1.3 * entropy


def test_large_vocabularies_do_not_overflow():
    most = 262_144
    nll = trigram_nll([[most - 1] * 5], [[most - 1] * 5, [0, 1]], most)
    assert np.isfinite(nll).all() and nll[0] < nll[1]


@pytest.mark.parametrize("wrong", [[-1], [3]])
def test_wrong_ids_are_refused(wrong):
    with pytest.raises(ValueError, match=r"in 0\.\.2"):
        trigram_nll([wrong], [], 3)
    with pytest.raises(ValueError, match=r"in 0\.\.2"):
        trigram_nll([], [wrong], 3)
