"""What the report calls metrics, baselines and splits, and which way a metric is good."""

from typing import Any

_METRICS = {
    "f1": "F1",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "bleu": "BLEU",
    "chrf": "chrF",
}
_BASELINES = {"majority": "the majority class", "tfidf": "TF-IDF", "mean": "the mean"}
_HEADS = {"majority": "Majority class", "tfidf": "TF-IDF + logistic regression", "mean": "Mean of the training rows"}
_LESS_IS_BETTER = {
    "loss",
    "perplexity",
    "mae",
    "mse",
    "rmse",
    "mean_absolute_error",
    "mean_squared_error",
    "root_mean_squared_error",
    "bits_per_byte",
    "hamming_loss",
    "log_loss",
    "brier",
}


def metric(name: str) -> str:
    """A metric in words that can stand within a sentence: `f1_macro` reads `macro F1`."""
    base, _, average = name.rpartition("_")
    if base and average in ("macro", "micro", "weighted"):
        return f"{average} {metric(base)}"
    return _METRICS.get(name, name.replace("_", " "))


def baseline(name: str) -> str:
    """A baseline in words that can stand within a sentence."""
    return _BASELINES.get(name, name.replace("_", " "))


def baseline_head(name: str) -> str:
    """A baseline as the head of a column, said in full."""
    return _HEADS.get(name) or capital(baseline(name))


def capital(words: str) -> str:
    """The words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def greater_is_better(name: str, entry: dict[str, Any] | None = None) -> bool:
    """Whether more of a metric is better: what its entry in `metrics.json` says, else what its name says."""
    said = (entry or {}).get("greater_is_better")
    return bool(said) if said is not None else name.rpartition("/")[2].lower() not in _LESS_IS_BETTER
