"""Question answering metrics by the SQuAD rules, and the nearest sentence as the baseline for extracted answers.

Answers are compared as in `evaluate-v2.0.py`: in lower case, without ASCII punctuation and English articles, split at
whitespace. The best of several gold answers counts; a gold answer that is empty after normalisation is dropped. If all
questions have an answer, this equals `evaluate-v1.1.py`. In scripts without spaces between words, F1 compares whole
phrases.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

from luthier.arrays import FloatArray
from luthier.metrics.base import Metric, bounds_of, ratio
from luthier.metrics.overlap import sentence_spans, words

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """Normalise a text for comparison: `The U.S.` becomes `us`."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """1 if the prediction equals a gold answer, else 0; without gold answers, 1 if the prediction is empty."""
    return float(normalise(prediction) in _normalised(golds))


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The best F1 over words with any gold answer; without gold answers, 1 if the prediction is empty."""
    found = normalise(prediction).split()
    return max(_f1(found, gold.split()) for gold in _normalised(golds))


def span_metrics(predictions: Sequence[str], golds: Sequence[Sequence[str]]) -> list[Metric]:
    """The standard answer metrics: F1 and exact match, also by answerability if some questions have no answer.

    Args:
        predictions: The predicted answer to each question; empty for no answer.
        golds: The gold answers to each question; none, or only empty ones, if it has no answer.
    """
    pairs = list(zip(predictions, golds, strict=True))
    f1 = np.array([token_f1(*pair) for pair in pairs], dtype=np.float64)
    exact = np.array([exact_match(*pair) for pair in pairs], dtype=np.float64)
    has_answer = np.array([any(map(str.strip, several)) for several in golds], dtype=np.float64)
    none = 1 - has_answer
    columns = [f1, exact, np.ones(len(pairs)), f1 * has_answer, exact * has_answer, has_answer, exact * none, none]
    statistics = np.stack(columns, axis=1)

    def share(name: str, part: int, whole: int) -> Metric:
        bounds = bounds_of(statistics[statistics[:, whole] > 0, part])
        return Metric(name, statistics, lambda sums: ratio(sums[..., part], sums[..., whole]), bounds=bounds)

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
    """The threshold with the best F1: an answer is kept if the null score minus its own is at most the threshold.

    Like `find_best_thresh` in `evaluate-v2.0.py`, except that equal scores are handled together, and that if giving no
    answer at all is best, the threshold is below all scores instead of 0.

    Args:
        scores_null_minus_best: `[n]` score of no answer minus that of the best answer.
        predictions: The best answer to each question, regardless of the null score.
        golds: As in `span_metrics`.
    """
    scores = np.asarray(scores_null_minus_best, dtype=np.float64)
    if not len(scores):
        return 0.0
    pairs = zip(predictions, golds, strict=True)
    gains = np.array([token_f1(prediction, several) - token_f1("", several) for prediction, several in pairs])
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    # Rounded, so that the first of equal sums is chosen.
    total = np.round(np.cumsum(gains[order]), 9)
    total[:-1][ordered[:-1] == ordered[1:]] = -np.inf
    best = int(total.argmax())
    return float(ordered[best]) if total[best] > 0 else float(np.nextafter(ordered[0], -np.inf))


def nearest_sentences(questions: Sequence[str], contexts: Sequence[str]) -> list[tuple[str, int]]:
    """For each question, the sentence of its context that shares the most words with it, weighted by rarity.

    The weight of a word is log(1 + sentences / sentences with it), over all contexts. Ties go to the first sentence.

    Returns:
        Each sentence, as in the context, and its start offset there.
    """
    spans = {context: sentence_spans(context) for context in contexts}
    held = {context: [set(words(context[start:end])) for start, end in spans[context]] for context in spans}
    in_sentences = Counter(word for several in held.values() for sentence in several for word in sentence)
    n = sum(map(len, held.values()))
    weight = {word: float(np.log1p(n / count)) for word, count in in_sentences.items()}
    nearest: list[tuple[str, int]] = []
    for question, context in zip(questions, contexts, strict=True):
        asked = set(words(question))
        # Sorted, since the order of a set, and with it the rounding of the sum, varies between processes.
        shared = [sum(weight[word] for word in sorted(asked & sentence)) for sentence in held[context]]
        start, end = spans[context][int(np.argmax(shared))] if shared else (0, 0)
        nearest.append((context[start:end], start))
    return nearest


def _normalised(golds: Sequence[str]) -> list[str]:
    return [gold for gold in map(normalise, golds) if gold] or [""]


def _f1(found: Sequence[str], gold: Sequence[str]) -> float:
    if not found or not gold:
        return float(found == gold)
    shared = sum((Counter(found) & Counter(gold)).values())
    return 2 * shared / (len(found) + len(gold))
