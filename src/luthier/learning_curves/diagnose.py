"""Diagnose learning curves: findings about the training, with evidence and a hint."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier import text
from luthier.findings import Finding
from luthier.learning_curves.record import Series

DIAGNOSES: dict[str, str] = {
    "divergence": "error: the training loss rises",
    "healthy-curves": "info: both losses fell and no problem was found",
    "noisy-loss": "info: the step-to-step noise is larger than the total fall of the loss",
    "non-finite": "error: a curve contains values that are not finite",
    "overfitting": "info, warning when it is certain: the evaluation loss rises while the training loss falls",
    "plateau": "info: the training loss stays high and no longer falls",
    "too-few-evaluations": "info: too few evaluations to judge overfitting",
    "too-few-steps": "info: too few steps to see a trend",
    "underfitting": "warning: the training loss hardly moved, or both losses still fall at the end",
}
# The fewest evaluations that show a shape, and the fewest training points that show a trend.
FEWEST_EVALUATIONS = 3
FEWEST_STEPS = 20
# Relative changes of a loss below these shares count as noise.
RISE = 0.05
STILL_FALLING = 0.02
HARDLY_MOVED = 0.02
SCHEDULE_ENDED = 0.05  # below this share of its peak, a learning rate changes nothing


@dataclass(frozen=True, slots=True)
class Diagnosis(Finding):
    """A finding in learning curves.

    Args:
        rate: Factor for the learning rate that `action` suggests; 1 if it suggests none.
        steps: Factor for the number of optimizer steps; 1 if more steps would not help, None if this is open.
    """

    rate: float = 1
    steps: float | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """Summary statistics of a noisy curve.

    Args:
        start: Mean of the first tenth.
        end: Mean of the last tenth.
        low: Lowest mean of any tenth-wide window.
        low_step: Step at the middle of that window.
        late: Mean of the tenth before the last fifth, shortly before the end.
        noise: Standard deviation of the points around their trend.
        error: Standard error of a mean over a tenth.
        steps: Number of points.
    """

    start: float
    end: float
    low: float
    low_step: int
    late: float
    noise: float
    error: float
    steps: int

    @property
    def drop(self) -> float:
        return self.start - self.end


def diagnose(curves: Mapping[str, Series]) -> list[Diagnosis]:
    """Diagnose the curves of a run: one or more findings, or none while there are no curves.

    Args:
        curves: As `read_curves` returns them; `train/loss` and `eval/loss` are read.
    Returns:
        Findings of `DIAGNOSES`, worst first.
    """
    train = curves.get("train/loss", Series())
    evaluation = curves.get("eval/loss", Series())
    if not train.steps and not evaluation.steps:
        return []
    findings = _non_finite(curves)
    trend = _trend(_finite(train))
    ups = _finite(evaluation)
    if trend is None:
        findings.append(_too_few_steps(train))
    elif diverged := _divergence(trend):
        return [*findings, diverged]
    if overfitting := _overfitting(_finite(train), ups, trend.error if trend else 0.0):
        findings.append(overfitting)
    if trend is not None:
        found = _stuck(trend) or _still_falling(trend, ups) or _plateau(_finite(train), trend, *_more(curves))
        # A run past its best evaluation needs no advice to train longer.
        if found and not overfitting:
            findings.append(found)
        if noisy := _noisy(trend):
            findings.append(noisy)
    if len(ups.steps) < FEWEST_EVALUATIONS:
        findings.append(_too_few_evaluations(len(ups.steps)))
    if trend is not None and not findings:
        findings.append(_healthy(trend, ups))
    return findings


def _trend(series: Series) -> Trend | None:
    n = len(series.values)
    if n < FEWEST_STEPS:
        return None
    values = np.asarray(series.values)
    width = max(5, n // 10)
    means = _running_mean(values, width)
    low = int(means.argmin())
    middle = width // 2
    trend = np.interp(np.arange(n), np.arange(len(means)) + middle, means)
    noise = float((values - trend).std())
    return Trend(
        start=float(means[0]),
        end=float(means[-1]),
        low=float(means[low]),
        low_step=series.steps[low + middle],
        late=float(means[max(0, len(means) - 1 - 2 * width)]),
        noise=noise,
        error=noise / math.sqrt(width),
        steps=n,
    )


def _running_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    return np.convolve(values, np.full(width, 1 / width), mode="valid")


def _finite(series: Series) -> Series:
    pairs = [(step, value) for step, value in zip(series.steps, series.values, strict=True) if math.isfinite(value)]
    return Series([step for step, _ in pairs], [value for _, value in pairs])


def _non_finite(curves: Mapping[str, Series]) -> list[Diagnosis]:
    places = {
        name: [step for step, value in zip(series.steps, series.values, strict=True) if not math.isfinite(value)]
        for name, series in curves.items()
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
            steps=1,
        )
    ]


def _divergence(trend: Trend) -> Diagnosis | None:
    rise = trend.end - trend.low
    fell = max(trend.start - trend.low, 0.0)
    if rise <= max(0.5 * fell, 0.1 * abs(trend.low), 6 * trend.error):
        return None
    return Diagnosis(
        "divergence",
        "error",
        f"The training loss rises: from its lowest mean of {_n(trend.low)} near step {text.count(trend.low_step)} to "
        f"{_n(trend.end)} at the end (initially {_n(trend.start)}).",
        "Divide learning_rate by three, use a longer warm-up (warmup_ratio = 0.1), or lower max_grad_norm.",
        rate=1 / 3,
        steps=1,
    )


def _overfitting(train: Series, evaluation: Series, error: float) -> Diagnosis | None:
    values = evaluation.values
    if len(values) < FEWEST_EVALUATIONS:
        return None
    best = int(np.argmin(values))
    low, last, since = values[best], values[-1], evaluation.steps[best]
    rise = (last - low) / abs(low) if low else math.inf if last > low else 0.0
    before, after = _level(train, since, since), _level(train, since, evaluation.steps[-1])
    if rise < RISE or before is None or after is None:
        return None
    fell = before - after > 2 * error
    # A training loss at its floor cannot fall; a large gap to the evaluation loss shows overfitting too.
    sure = fell or after < 0.5 * low
    train_words = (
        f"fell from {_n(before)} to {_n(after)}" if fell else f"was {_n(before)} then and {_n(after)} at the end"
    )
    return Diagnosis(
        "overfitting",
        "warning" if sure else "info",
        f"{'Overfitting' if sure else 'Possible overfitting'} since step {text.count(since)}: the evaluation "
        f"loss rose from {_n(low)} to {_n(last)} ({text.share(rise)} more) while the training loss {train_words}.",
        f"Train for fewer steps (max_steps = {since}, or early_stopping_patience = 2), or add data, weight_decay or "
        "dropout. The model of a run is that of its `best_step`, which may be an earlier one.",
        steps=1,
    )


def _level(train: Series, since: int, step: int) -> float | None:
    """Mean training loss over the tenth of all points that ends at a step."""
    upto = int(np.searchsorted(train.steps, step, side="right"))
    width = max(3, len(train.steps) // 10)
    if upto == 0:
        return None
    begin = max(0, upto - width)
    if step > since:
        # The later window must not reach back past the minimum that it is compared with.
        begin = max(begin, int(np.searchsorted(train.steps, since, side="right")))
    window = train.values[begin:upto]
    return sum(window) / len(window) if window else None


def _stuck(trend: Trend) -> Diagnosis | None:
    if trend.drop > max(HARDLY_MOVED * abs(trend.start), 3 * trend.error):
        return None
    return Diagnosis(
        "underfitting",
        "warning",
        f"The training loss hardly moved: {_n(trend.start)} at the start, {_n(trend.end)} at the end of "
        f"{text.plural(trend.steps, 'step')} (noise of one step: {_n(trend.noise)}).",
        "Raise learning_rate three- to tenfold, check that the labels match the texts and that no parameter is frozen "
        "that should train, and train longer.",
        rate=3,
    )


def _still_falling(trend: Trend, evaluation: Series) -> Diagnosis | None:
    values = evaluation.values
    if len(values) < FEWEST_EVALUATIONS or int(np.argmin(values)) != len(values) - 1:
        return None
    gain = (values[-2] - values[-1]) / abs(values[-2]) if values[-2] else 0.0
    falling = trend.late - trend.end
    if gain < STILL_FALLING or falling <= max(STILL_FALLING * abs(trend.late), 2 * trend.error):
        return None
    return Diagnosis(
        "underfitting",
        "warning",
        f"Both losses were still falling at the end: the evaluation loss from {_n(values[-2])} to {_n(values[-1])} "
        f"between the last two evaluations, the training loss from {_n(trend.late)} to {_n(trend.end)}.",
        "Train for more epochs, or with a higher learning_rate: the model can still improve.",
        steps=3,
    )


def _plateau(train: Series, trend: Trend, action: str, steps: float | None) -> Diagnosis | None:
    half = len(train.values) // 2
    width = max(5, len(train.values) // 10)
    middle = sum(train.values[half : half + width]) / width
    moved = middle - trend.end
    high = trend.end > 0.3 * trend.start
    if not high or moved > max(0.03 * trend.drop, 2 * trend.error) or moved < -2 * trend.error:
        return None
    return Diagnosis(
        "plateau",
        "info",
        f"The training loss has been flat since step {text.count(train.steps[half])}: {_n(middle)} there, "
        f"{_n(trend.end)} at the end, after a start at {_n(trend.start)}.",
        action,
        steps=steps,
    )


def _more(curves: Mapping[str, Series]) -> tuple[str, int | None]:
    """What to do about a flat loss (the rows not seen and the schedule come before the model); `Diagnosis.steps`."""
    epochs, rates = curves["train/loss"].epochs, curves.get("train/learning_rate", Series()).values
    seen = epochs[-1] if epochs else 1.0
    ended = bool(rates) and rates[-1] < SCHEDULE_ENDED * max(rates)
    if seen < 1:
        why = f"the run covered only {text.epochs(seen)}"
        why += ", and its learning rate had decayed to almost 0" if ended else ""
        return f"Train for at least one epoch: {why}.", None
    if ended:
        action = (
            "The learning rate had decayed to almost 0, which flattens any loss: train for more epochs, or with a "
            "higher learning_rate. If the loss stays flat, try a larger model or better labels."
        )
        return action, None
    return "More steps alone will not help: try another learning_rate, a larger model, or better labels.", 1


def _noisy(trend: Trend) -> Diagnosis | None:
    if trend.drop <= 0 or trend.noise < trend.drop:
        return None
    return Diagnosis(
        "noisy-loss",
        "info",
        f"The training loss is noisy: single steps deviate by {_n(trend.noise)} from the trend, which falls by only "
        f"{_n(trend.drop)} in total.",
        "Raise batch_size or lower learning_rate for a smoother curve; judge by the evaluation loss.",
    )


def _too_few_steps(train: Series) -> Diagnosis:
    return Diagnosis(
        "too-few-steps",
        "info",
        f"{text.plural(len(train.steps), 'point')} of training loss: too few to see a trend (at least {FEWEST_STEPS}).",
        "Train longer before interpreting the curve.",
    )


def _too_few_evaluations(n: int) -> Diagnosis:
    return Diagnosis(
        "too-few-evaluations",
        "info",
        f"{text.plural(n, 'evaluation') if n else 'No evaluation'} during training: too few to detect overfitting "
        f"(at least {FEWEST_EVALUATIONS}).",
        'Evaluate more often: eval_strategy = "steps" and eval_steps = 0.1, a tenth of the steps.',
    )


def _healthy(trend: Trend, evaluation: Series) -> Diagnosis:
    low = int(np.argmin(evaluation.values))
    return Diagnosis(
        "healthy-curves",
        "info",
        f"The curves look healthy: the training loss fell from {_n(trend.start)} to {_n(trend.end)}, the evaluation "
        f"loss from {_n(evaluation.values[0])} to {_n(evaluation.values[-1])}, lowest ({_n(evaluation.values[low])}) "
        f"at step {text.count(evaluation.steps[low])}.",
        "No action needed.",
    )


def _n(value: float) -> str:
    return text.number(value)
