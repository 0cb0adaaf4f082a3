import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.metrics.baselines.simple import majority, mean, tfidf_classifier, tfidf_ridge

GOOD = ["a lovely film", "lovely and warm", "warm, funny, lovely", "a funny delight"]
BAD = ["a dull film", "dull and cold", "cold, slow, dull", "a slow bore"]
SAME = [
    ("the cat sat", "the cat sat down"),
    ("rain in may", "may rain"),
    ("he won", "he won it"),
    ("buy milk", "buy milk"),
]
OTHER = [("the cat sat", "stocks fell"), ("rain in may", "he won"), ("buy milk", "a big dog"), ("red car", "blue sea")]


def test_majority():
    assert majority([2, 1, 2, 0], 3).tolist() == [2, 2, 2]
    assert majority([1, 0], 2).tolist() == [0, 0]
    assert majority([], 2).tolist() == [0, 0]
    assert majority([[1, 0, 1], [1, 0, 0], [0, 0, 1]], 2).tolist() == [[1, 0, 1], [1, 0, 1]]
    assert majority(np.zeros((0, 2)), 1).tolist() == [[0, 0]]


def test_mean():
    assert mean([1.0, 2.0, 6.0], 2).tolist() == [3.0, 3.0]
    assert mean([], 1).tolist() == [0.0]


def test_classifier_learns_words():
    found = tfidf_classifier(GOOD + BAD, [1] * 4 + [0] * 4, ["a lovely thing", "slow and dull"])
    assert found.tolist() == [1, 0]


def test_classifier_keeps_label_ids():
    found = tfidf_classifier(GOOD + BAD, [7] * 4 + [3] * 4, ["lovely", "dull"])
    assert found.tolist() == [7, 3]


def test_classifier_learns_overlap_of_pairs():
    found = tfidf_classifier(SAME + OTHER, [1] * 4 + [0] * 4, [("new words here", "new words"), ("one thing", "two")])
    assert found.tolist() == [1, 0]


def test_classifier_of_several_labels():
    labels = [[1, 0, 0]] * 4 + [[0, 1, 0]] * 4
    found = tfidf_classifier(GOOD + BAD, labels, ["lovely", "dull"])
    assert found.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_ridge():
    found = tfidf_ridge(GOOD + BAD, [5.0] * 4 + [1.0] * 4, ["lovely lovely", "dull"])
    assert 3 < found[0] <= 5
    assert 1 <= found[1] < 3
    pairs = tfidf_ridge(SAME + OTHER, [5.0] * 4 + [1.0] * 4, [("new words", "new words"), ("one thing", "two")])
    assert pairs[0] > pairs[1]


@pytest.mark.parametrize(
    "script", [["好的电影", "很好", "坏的电影", "很坏"], ["🙂🙂", "🙂", "🙁🙁", "🙁"], ["5", "5 5", "7", "7 7"]]
)
def test_texts_without_blanks_or_letters(script):
    found = tfidf_classifier(script, [1, 1, 0, 0], [script[1], script[3]])
    assert found.tolist() == [1, 0]


def test_what_cannot_be_learnt_is_the_majority():
    one = tfidf_classifier(GOOD, [2] * 4, ["dull", ""])
    assert one.tolist() == [2, 2]
    blank = tfidf_classifier(["", " ", ""], [1, 0, 1], ["lovely"])
    assert blank.tolist() == [1]
    none = tfidf_classifier([], [], ["lovely"])
    assert none.tolist() == [0]
    number = tfidf_ridge(["", ""], [1.0, 3.0], ["lovely"])
    assert number.tolist() == [2.0]


def test_no_test_texts():
    assert tfidf_classifier(GOOD + BAD, [1] * 4 + [0] * 4, []).shape == (0,)
    assert tfidf_classifier(SAME + OTHER, [[1, 0]] * 4 + [[0, 1]] * 4, []).shape == (0, 2)
    assert tfidf_ridge(SAME, [1.0, 2.0, 3.0, 4.0], []).shape == (0,)


TEXT = st.text(st.sampled_from("ab é好🙂\n.A1"), max_size=6)


@settings(max_examples=25)
@pytest.mark.filterwarnings("error")
@given(st.data(), st.booleans(), st.integers(1, 6), st.integers(0, 3))
def test_any_texts_give_a_known_label_twice_the_same(data, paired, m, n):
    item = st.tuples(TEXT, TEXT) if paired else TEXT
    train, test = (data.draw(st.lists(item, min_size=size, max_size=size)) for size in (m, n))
    labels = data.draw(st.lists(st.integers(0, 3), min_size=m, max_size=m))
    found, again = (tfidf_classifier(train, labels, test) for _ in range(2))
    assert found.shape == (n,) and set(found) <= set(labels)
    np.testing.assert_array_equal(found, again)
    numbers = tfidf_ridge(train, [float(label) for label in labels], test)
    assert numbers.shape == (n,) and np.isfinite(numbers).all()
    assert n == 0 or (numbers.min() >= min(labels) and numbers.max() <= max(labels))
