import collections
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.metrics.bootstrap import resample_counts, score
from luthier.metrics.spans import best_threshold, exact_match, nearest_sentences, normalise, span_metrics, token_f1

# -- the official evaluate-v2.0.py, as far as it is of numbers ---------------------------------------------------------


def normalize_answer(s):
    def remove_articles(text):
        return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def get_tokens(s):
    return normalize_answer(s).split() if s else []


def compute_exact(a_gold, a_pred):
    return int(normalize_answer(a_gold) == normalize_answer(a_pred))


def compute_f1(a_gold, a_pred):
    gold_toks, pred_toks = get_tokens(a_gold), get_tokens(a_pred)
    common = collections.Counter(gold_toks) & collections.Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(pred_toks)
    recall = 1.0 * num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


def get_raw_score(compute, prediction, answers):
    gold_answers = [a for a in answers if normalize_answer(a)] or [""]
    return max(compute(a, prediction) for a in gold_answers)


def find_best_thresh(preds, scores, na_probs, has_ans):
    cur_score = sum(1 for answered in has_ans if not answered)
    best_score, best_thresh = cur_score, 0.0
    for i in sorted(range(len(preds)), key=lambda k: na_probs[k]):
        diff = scores[i] if has_ans[i] else -1 if preds[i] else 0
        cur_score += diff
        if cur_score > best_score:
            best_score, best_thresh = cur_score, na_probs[i]
    return best_score / len(scores), best_thresh


# ----------------------------------------------------------------------------------------------------------------------

WORDS = ["the", "a", "An", "cat", "cat", "Cat,", "dog", "U.S.", "Zürich", "-", "北京", " ", "100%"]
TEXT = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
CASES = st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), min_size=1, max_size=8)


def values(metrics):
    return {metric.name: float(metric.on(np.ones((1, metric.n)))[0]) for metric in metrics}


@given(TEXT, st.lists(TEXT, max_size=3))
def test_equal_to_the_official_script(prediction, golds):
    assert normalise(prediction) == normalize_answer(prediction)
    assert exact_match(prediction, golds) == get_raw_score(compute_exact, prediction, golds)
    assert token_f1(prediction, golds) == pytest.approx(get_raw_score(compute_f1, prediction, golds))


@given(st.text(), st.text())
def test_any_text_is_compared_as_the_official_script_does(prediction, gold):
    assert normalise(prediction) == normalize_answer(prediction)
    assert token_f1(prediction, [gold]) == pytest.approx(get_raw_score(compute_f1, prediction, [gold]))


@pytest.mark.parametrize(
    ("prediction", "golds", "exact", "f1"),
    [
        ("The Cat!", ["cat"], 1, 1),
        ("theatre", ["atre"], 0, 0),  # an article is a word
        ("U.S.", ["us"], 1, 1),
        ("straße", ["Straße"], 1, 1),
        ("the big cat", ["a cat", "dog"], 0, 2 / 3),  # big cat : cat
        ("cat cat dog", ["cat dog"], 0, 4 / 5),
        ("in 1999", ["1999", "the year 1999", "in 1999."], 1, 1),
        ("", [], 1, 1),
        ("", [""], 1, 1),
        ("cat", [], 0, 0),
        ("", ["cat"], 0, 0),
        ("“cat”", ["cat"], 0, 0),  # only ASCII punctuation is left out
    ],
)
def test_by_hand(prediction, golds, exact, f1):
    assert exact_match(prediction, golds) == exact
    assert token_f1(prediction, golds) == pytest.approx(f1)


def test_metrics_where_all_have_an_answer():
    found = values(span_metrics(["a cat", "red dog", "x"], [["cat"], ["dog", "blue dog"], ["y"]]))
    assert found == pytest.approx({"f1": (1 + 2 / 3 + 0) / 3, "exact_match": 1 / 3})


def test_metrics_where_some_have_none():
    predictions = ["a cat", "red dog", "", "x", "y"]
    golds = [["cat"], ["dog"], [], [""], []]
    assert values(span_metrics(predictions, golds)) == pytest.approx(
        {
            "f1": (1 + 2 / 3 + 1 + 0 + 0) / 5,
            "exact_match": 2 / 5,
            "f1_answerable": (1 + 2 / 3) / 2,
            "exact_match_answerable": 1 / 2,
            "no_answer_accuracy": 1 / 3,
        }
    )


@given(CASES)
def test_resamples_are_the_metrics_of_their_rows(cases):
    predictions, golds = [p for p, _ in cases], [g for _, g in cases]
    metrics = span_metrics(predictions, golds)
    (counts,) = resample_counts(len(cases), 5, 0)
    for row, drawn in enumerate(np.repeat(np.arange(len(cases)), row.astype(int)) for row in counts):
        again = values(span_metrics([predictions[i] for i in drawn], [golds[i] for i in drawn]))
        for metric in metrics:
            # Where all rows drawn have an answer there is no metric of those that have one.
            alike = again.get(metric.name.removesuffix("_answerable"), np.nan)
            assert metric.on(counts)[row] == pytest.approx(again.get(metric.name, alike), nan_ok=True)


def test_no_rows():
    assert [score(metric).value for metric in span_metrics([], [])] == [None, None]


@given(st.lists(st.tuples(TEXT.filter(normalise), st.lists(TEXT.filter(normalise), max_size=2)), min_size=1), st.data())
def test_threshold_is_the_official_one(cases, data):
    predictions, golds = [p for p, _ in cases], [g for _, g in cases]
    scores = data.draw(
        st.lists(st.integers(-99, 99), min_size=len(cases), max_size=len(cases), unique=True), label="scores"
    )
    f1 = [get_raw_score(compute_f1, *case) for case in cases]
    best, official = find_best_thresh(predictions, f1, scores, [bool(g) for g in golds])
    threshold = best_threshold(np.array(scores), predictions, golds)
    kept = [p if s <= threshold else "" for p, s in zip(predictions, scores, strict=True)]
    assert values(span_metrics(kept, golds))["f1"] == pytest.approx(best)
    if best > sum(not g for g in golds) / len(golds) + 1e-6:
        assert threshold == official


@given(st.lists(st.tuples(st.integers(-3, 3), TEXT, st.lists(TEXT, max_size=2)), min_size=1, max_size=10))
def test_no_threshold_is_better(cases):
    scores, predictions, golds = zip(*cases, strict=True)

    def f1(threshold):
        kept = [p if s <= threshold else "" for p, s in zip(predictions, scores, strict=True)]
        return values(span_metrics(kept, golds))["f1"]

    ours = f1(best_threshold(np.array(scores), predictions, golds))
    assert ours == pytest.approx(max(f1(threshold) for threshold in [-9, *scores]))


def test_threshold_where_nothing_or_everything_is_answerable():
    assert best_threshold(np.array([2.0, -1.0]), ["x", "y"], [[], []]) < -1.0
    assert best_threshold(np.array([2.0, -1.0]), ["x", "y"], [["x"], ["y"]]) == 2.0
    assert best_threshold(np.array([]), [], []) == 0.0


def test_nearest_sentences():
    zoo = "  The zoo is old. It opened in 1907, in Hamburg!\nThe zoo has a famous walrus. "
    park = "The park is new. The zoo is near."
    questions = ["When was it opened?", "Which animal is famous?", "Where is the new thing?", "???"]
    found = nearest_sentences(questions, [zoo, zoo, park, park])
    assert [sentence for sentence, _ in found] == [
        "It opened in 1907, in Hamburg!",
        "The zoo has a famous walrus.",
        "The park is new.",
        "The park is new.",
    ]
    for (sentence, start), context in zip(found, [zoo, zoo, park, park], strict=True):
        assert context[start : start + len(sentence)] == sentence
    assert nearest_sentences(["Who?"], [""]) == [("", 0)]


def test_a_rare_word_counts_more_than_two_common_ones():
    context = "It is here. It is there. It is a walrus. Is it so? A walrus."
    assert nearest_sentences(["is it a walrus"], [context]) == [("It is a walrus.", 25)]
    # walrus: log(1 + 5/2); is + it: 2 log(1 + 5/4)
    assert nearest_sentences(["is it walrus"], ["Is it so? Walrus. It is here. It is there. It is."])[0][0] == "Walrus."
