"""Rules on losses that rise, jump, or are noisy."""

import math

import numpy as np
from scipy.ndimage import median_filter

from luthier import text
from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.trend import Reading, Trend

SPIKE = 10  # robust standard deviations above the median of the steps around
ABOVE = 1.5  # times the highest loss of the first tenth
NOISY = 0.25  # times the loss at the start
EXPLODED = 3  # times the loss of the first three steps
MOST_SPIKES = 0.05  # share of the steps; more are noise


def non_finite(reading: Reading) -> list[Diagnosis]:
    """Values that are not finite, in any curve."""
    places = {
        name: [step for step, value in zip(series.steps, series.values, strict=True) if not math.isfinite(value)]
        for name, series in reading.curves.items()
    }
    bad = {name: steps for name, steps in places.items() if steps}
    if not bad:
        return []
    where = "; ".join(f"{name} at steps {text.listing(steps)}" for name, steps in bad.items())
    return [
        Diagnosis(
            "non-finite",
            "error",
            f"Non-finite values: {where}.",
            'Do not use weights from these steps. Train with precision = "fp32" or a lower learning_rate, and check '
            "the rows of the first such step.",
            steps=(min(step for steps in bad.values() for step in steps),),
            steps_factor=1,
        )
    ]


def divergence(reading: Reading, trend: Trend) -> Diagnosis | None:
    """The training loss rises, and is high at the end."""
    found = _exploded(reading) or _risen(trend)
    if found is None:
        return None
    low, since, end = found
    times = reading.times_usual
    far = times is not None and times >= 10
    return Diagnosis(
        "divergence",
        "error",
        f"The training diverged: the loss rose from {text.number(low)} near step {text.count(since)} to "
        f"{text.number(end)} at the end.{reading.compared if far else ''}",
        f"Lower learning_rate to about {reading.usual}."
        if far
        else "Divide learning_rate by three, use a longer warm-up (warmup_ratio = 0.1), or lower max_grad_norm.",
        steps=(_steepest(reading, since),),
        rate_factor=1 / times if times is not None and far else 1 / 3,
        steps_factor=1,
    )


def _risen(trend: Trend) -> tuple[float, int, float] | None:
    """The lowest mean of the loss, its step, and the mean at the end, if it is clearly higher."""
    fell = max(trend.start - trend.low, 0.0)
    if trend.end - trend.low <= max(0.5 * fell, 0.1 * abs(trend.low), 6 * trend.error):
        return None
    return trend.low, trend.low_step, trend.end


def _exploded(reading: Reading) -> tuple[float, int, float] | None:
    """The same for a loss that left its first level at once and for good, where nothing but noise is left."""
    steps, values = reading.train.steps, np.asarray(reading.train.values)
    first, later = values[:3], values[len(values) // 2 :]
    level = float(np.median(first))
    if np.median(later) <= EXPLODED * level or np.quantile(later, 0.1) <= level:
        return None
    return float(first.min()), steps[int(first.argmin())], float(np.median(later))


def _steepest(reading: Reading, since: int) -> int:
    """The step with the largest rise of the loss over the step before, from a step on."""
    steps, values = reading.train.steps, reading.train.values
    later = [i for i in range(1, len(steps)) if steps[i] >= since] or [len(steps) - 1]
    return steps[max(later, key=lambda i: values[i] - values[i - 1])]


def spikes(reading: Reading) -> Diagnosis | None:
    """Single steps with a loss far above those around them and all before."""
    values = np.asarray(reading.train.values)
    width = max(11, len(values) // 10)
    middle = median_filter(values, width, mode="mirror")
    apart = values - middle
    usual = 1.4826 * float(np.median(np.abs(apart)))
    high = ABOVE * float(values[:width].max())
    found = [i for i in range(width, len(values)) if apart[i] > SPIKE * usual and values[i] > high]
    if not found or len(found) > MOST_SPIKES * len(values):
        return None
    steps = [reading.train.steps[i] for i in found]
    worst = max(found, key=lambda i: values[i])
    return Diagnosis(
        "loss-spikes",
        "info",
        f"{text.plural(len(found), 'spike')} in the training loss, at {'steps' if len(steps) > 1 else 'step'} "
        f"{text.listing(steps)}: up to {text.number(float(values[worst]))}, while the steps around it are at "
        f"{text.number(float(middle[worst]))}.",
        "Check the rows of these batches for wrong labels and unusual texts; if they are right, lower max_grad_norm.",
        steps=tuple(steps),
    )


def noisy(reading: Reading, trend: Trend) -> Diagnosis | None:
    """The noise of single steps is larger than the fall of the loss."""
    if trend.noise < max(trend.drop, NOISY * abs(trend.start)):
        return None
    falls = f"falls by only {text.number(trend.drop)} in total" if trend.drop > 0 else "does not fall"
    return Diagnosis(
        "noisy-loss",
        "info",
        f"The training loss is noisy: single steps deviate by {text.number(trend.noise)} from the trend, which "
        f"{falls}.",
        "Raise batch_size or lower learning_rate for a smoother curve; judge by the evaluation loss.",
    )
