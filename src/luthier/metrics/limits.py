"""The values that a metric can take."""

from luthier.metrics.base import AnyMetric

Limits = tuple[float | None, float | None]  # lowest and highest value; None where there is none
_CORRELATION, _NOT_NEGATIVE = (-1.0, 1.0), (0.0, None)
_LIMITS: dict[str, Limits] = {
    **dict.fromkeys(("mcc", "pearson", "spearman"), _CORRELATION),
    **dict.fromkeys(("loss", "bits_per_byte", "mse", "mae"), _NOT_NEGATIVE),
    **dict.fromkeys(("roc_auc", "average_precision", "repetition", "self_bleu"), (0.0, 1.0)),
    **dict.fromkeys(("distinct_1", "distinct_2", "distinct_3"), (0.0, 1.0)),
    "perplexity": (1.0, None),
    "r2": (None, 1.0),
}


def limits_of(metric: AnyMetric) -> Limits:
    """The lowest and the highest value of a metric; none of a custom one, of which only its direction is known."""
    ends = _LIMITS.get(metric.name)
    if ends is None:
        return (None, None) if metric.bounds is None else (0.0, metric.bounds.best)
    return ends


def within(limits: Limits, low: float, high: float) -> tuple[float, float]:
    """An interval without the values that the metric cannot take, which holds the truth as often as before."""
    least, most = limits
    return low if least is None else max(low, least), high if most is None else min(high, most)
