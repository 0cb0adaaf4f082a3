"""Metrics of answers to questions by the rules of SQuAD, and the sentence that an extracted answer has to beat.

Answers are compared as `evaluate-v2.0.py` compares them: in lower case, without ASCII punctuation and English
articles, split at blanks; the best of several gold answers counts, and a gold answer of which nothing is left is none.
On questions that all have an answer this is `evaluate-v1.1.py` as well. Where words are not parted by blanks the F1
is that of whole phrases.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

from luthier.arrays import FloatArray
from luthier.metrics.base import Metric, ratio
from luthier.metrics.overlap import sentence_spans, words

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """A text as it is compared: `The U.S.` as `us`."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """1 where a gold answer is the predicted one, else 0; without gold answers 1 where none is predicted."""
    return float(normalise(prediction) in _normalised(golds))


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The best F1 of a gold answer's words; without gold answers 1 where none is predicted."""
    found = normalise(prediction).split()
    return max(_f1(found, gold.split()) for gold in _normalised(golds))


def span_metrics(predictions: Sequence[str], golds: Sequence[Sequence[str]]) -> list[Metric]:
    """The usual metrics of answers: F1 and exact match; where some questions have no answer, also by that.

    Args:
        predictions: The answer to each question, empty for none.
        golds: The right answers to each: none, or only empty ones, where there is no answer.
    """
    pairs = list(zip(predictions, golds, strict=True))
    f1 = np.array([token_f1(*pair) for pair in pairs], dtype=np.float64)
    exact = np.array([exact_match(*pair) for pair in pairs], dtype=np.float64)
    has_answer = np.array([_has_answer(several) for several in golds], dtype=np.float64)
    none = 1 - has_answer
    columns = [f1, exact, np.ones(len(pairs)), f1 * has_answer, exact * has_answer, has_answer, exact * none, none]
    statistics = np.stack(columns, axis=1)

    def share(name: str, part: int, whole: int) -> Metric:
        return Metric(name, statistics, lambda sums: ratio(sums[..., part], sums[..., whole]))

    metrics = [share("f1", 0, 2), share("exact_match", 1, 2)]
    if none.any():
        metrics += [
            share("f1_answerable", 3, 5),
            share("exact_match_answerable", 4, 5),
            share("no_answer_accuracy", 6, 7),
        ]
    return metrics


def best_threshold(
    scores_null_minus_best: FloatArray, predictions: Sequence[str], golds: Sequence[Sequence[str]]
) -> float:
    """The threshold with the best F1: an answer stands where its null score less its own is at most the threshold.

    The sweep of `find_best_thresh` in `evaluate-v2.0.py`, except that equal scores are taken together, and that where
    no answer at all is best the threshold lies below all scores and is not 0.

    Args:
        scores_null_minus_best: `[n]` score of no answer less that of the best answer.
        predictions: The best answer to each question, whatever the score of none.
        golds: As in `span_metrics`.
    """
    scores = np.asarray(scores_null_minus_best, dtype=np.float64)
    if not len(scores):
        return 0.0
    pairs = zip(predictions, golds, strict=True)
    gains = np.array([token_f1(prediction, several) - token_f1("", several) for prediction, several in pairs])
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    # Rounded, so that of equal sums the first is taken.
    total = np.round(np.cumsum(gains[order]), 9)
    total[:-1][ordered[:-1] == ordered[1:]] = -np.inf
    best = int(total.argmax())
    return float(ordered[best]) if total[best] > 0 else float(np.nextafter(ordered[0], -np.inf))


def nearest_sentences(questions: Sequence[str], contexts: Sequence[str]) -> list[tuple[str, int]]:
    """For each question the sentence of its context that shares the most words with it, rare words counting more.

    A word counts log(1 + sentences / sentences with it), over all contexts. Of equal sentences the first.

    Returns:
        Each sentence, as it stands in the context, and its first character's place there.
    """
    spans = {context: sentence_spans(context) for context in contexts}
    held = {context: [set(words(context[start:end])) for start, end in spans[context]] for context in spans}
    in_sentences = Counter(word for several in held.values() for sentence in several for word in sentence)
    n = sum(map(len, held.values()))
    weight = {word: float(np.log1p(n / count)) for word, count in in_sentences.items()}
    nearest: list[tuple[str, int]] = []
    for question, context in zip(questions, contexts, strict=True):
        asked = set(words(question))
        # Sorted, since a set's order, and with it the rounding of a sum, changes from one process to the next.
        shared = [sum(weight[word] for word in sorted(asked & sentence)) for sentence in held[context]]
        start, end = spans[context][int(np.argmax(shared))] if shared else (0, 0)
        nearest.append((context[start:end], start))
    return nearest


def _normalised(golds: Sequence[str]) -> list[str]:
    return [gold for gold in map(normalise, golds) if gold] or [""]


def _has_answer(golds: Sequence[str]) -> bool:
    return any(gold.strip() for gold in golds)


def _f1(found: Sequence[str], gold: Sequence[str]) -> float:
    if not found or not gold:
        return float(found == gold)
    shared = sum((Counter(found) & Counter(gold)).values())
    return 2 * shared / (len(found) + len(gold))
