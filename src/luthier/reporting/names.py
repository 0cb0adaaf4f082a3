"""Display names of metrics and baselines, and the number of digits of each metric."""

import math
from collections.abc import Mapping

from luthier import text

_METRICS = {
    "f1": "F1",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "ece": "calibration error",
    "f1_answerable": "F1 on answerable questions",
    "exact_match_answerable": "exact match on answerable questions",
    "no_answer_accuracy": "accuracy on unanswerable questions",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "bleu": "BLEU",
    "chrf": "chrF",
    "self_bleu": "self-BLEU",
    "distinct_1": "distinct-1",
    "distinct_2": "distinct-2",
    "distinct_3": "distinct-3",
}
_NO_NAMES: Mapping[str, str] = {}
_BASELINES = {
    "majority": "the majority class",
    "tfidf": "TF-IDF",
    "mean": "the mean",
    "tag-dictionary": "the most frequent tag of each word",
    "nearest-sentence": "the sentence nearest to the question",
    "nearest-question": "the answer to the nearest question",
    "no-answer": "always “no answer”",
    "lead": "copying the first sentences of the document",
    "copy": "copying the source",
    "trigram": "a trigram model",
    "probe": "a linear model on frozen features",
    "untuned": "the model before fine-tuning",
}
_HEADS = {
    "majority": "Majority class",
    "tfidf": "TF-IDF + logistic regression",
    "mean": "Mean of the training rows",
    "tag-dictionary": "Most frequent tag of the word",
    "nearest-sentence": "Nearest sentence",
    "nearest-question": "Answer to the nearest question",
    "no-answer": "Always “no answer”",
    "lead": "First sentences",
    "copy": "Copy of the source",
    "trigram": "Trigram model",
    "probe": "Frozen features + linear model",
    "untuned": "Before fine-tuning",
}
# Scores from 0 to 100: one decimal is as precise as three decimals of a share.
_OF_A_HUNDRED = ("bleu", "chrf")
# Metrics that are not shares: each has its own unit.
_NO_SHARES = ("loss", "log_loss", "perplexity", "bits_per_byte", "mae", "mse", "rmse")


def metric(name: str, own: Mapping[str, str] = _NO_NAMES) -> str:
    """Display name of a metric within a sentence: `macro F1` for `f1_macro`.

    Args:
        name: Key in `metrics.json`.
        own: The task's display names of metrics, where they differ from the common ones.
    """
    if found := own.get(name):
        return found
    if name.startswith("ema_"):
        return f"{metric(name.removeprefix('ema_'), own)} of the EMA weights"
    base, _, average = name.rpartition("_")
    if base and average in ("macro", "micro", "weighted"):
        return f"{average} {metric(base)}"
    return _METRICS.get(name, name.replace("_", " "))


def baseline(name: str) -> str:
    """Display name of a baseline within a sentence."""
    return _BASELINES.get(name, name.replace("_", " "))


def baseline_head(name: str) -> str:
    """Full name of a baseline as a column heading."""
    return _HEADS.get(name) or capital(baseline(name))


def capital(words: str) -> str:
    """Capitalize the first letter, for the start of a sentence; chrF stays as it is."""
    return words if words.startswith("chrF") else words[:1].upper() + words[1:]


def unit(name: str) -> str:
    """Unit of a metric; the drawings of metrics with the same unit can share a scale."""
    if name in _OF_A_HUNDRED:
        return "of a hundred"
    return name if name in _NO_SHARES else "share"


def number(name: str, value: float | None) -> str:
    """Format a metric's value without an interval."""
    return _written(name, value, value)


def score(name: str, value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format a metric's value with its interval: `27.4 (26.9-28.0)`."""
    if value is None or low is None or high is None or math.isnan(low) or math.isnan(high):
        return number(name, value)
    most = max(abs(value), abs(low), abs(high))
    shown, low_end, high_end = (_written(name, found, most) for found in (value, low, high))
    # With a minus sign, "a-b" is unreadable.
    return f"{shown} ({low_end}{' to ' if low < 0 or high < 0 else '-'}{high_end})"


def scored(name: str, entry: Mapping[str, float | None] | None) -> str:
    """As `score`, of a score or a difference as results hold it; empty for None."""
    return "" if entry is None else score(name, entry.get("value"), entry.get("low"), entry.get("high"))


def _written(name: str, value: float | None, most: float | None) -> str:
    """Format a value; the largest absolute value shown next to it, `most`, sets the number of digits."""
    if value is None or most is None or not math.isfinite(value) or not math.isfinite(most):
        return text.number(value)
    digits = 1 if name in _OF_A_HUNDRED else 3
    small = name in _NO_SHARES and 0 < abs(most) < 0.1  # an error of 0.0004 is not 0.000
    if digits == 3 and (small or abs(most) >= (1 if name == "perplexity" else 100)):
        digits = min(9, 2 - math.floor(math.log10(abs(most))))  # three significant digits
    rounded = round(value, digits) + 0.0  # adding 0 turns -0.0 into 0.0
    return text.number(rounded, digits) if digits > 0 else text.count(round(rounded))
