"""Rules on what was learned: nothing, too little, or the training rows by heart."""

import math

import numpy as np

from luthier import text
from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.record import Series
from luthier.learning_curves.trend import HIGH, LOW, Reading, Trend

FEWEST_EVALUATIONS = 3  # that show a shape
# Relative changes of a loss below these shares count as noise.
RISE = 0.05
STILL_FALLING = 0.02
BY_HEART = 0.1  # times the lowest evaluation loss
ENDED = 0.05  # below this share of its peak, a learning rate changes nothing


def overfitting(reading: Reading) -> Diagnosis | None:
    """The evaluation loss rises while the training loss falls, or is at its floor."""
    train, evaluation = reading.train, reading.evaluation
    values = evaluation.values
    if len(values) < FEWEST_EVALUATIONS:
        return None
    best = int(np.argmin(values))
    low, last, since = values[best], values[-1], evaluation.steps[best]
    rise = (last - low) / abs(low) if low else math.inf if last > low else 0.0
    before, after = _level(train, since, since), _level(train, since, evaluation.steps[-1])
    if rise < RISE or before is None or after is None:
        return None
    fell = before - after > 2 * (reading.trend.error if reading.trend else 0.0)
    # A training loss at its floor cannot fall; a large gap to the evaluation loss shows overfitting too.
    sure = fell or after < 0.5 * low
    gain = _gain(reading, since)
    if not sure and gain is not None and gain > 1:
        return None
    held = "" if gain is None or gain < -1 else _held(reading, since, by_heart=after < BY_HEART * low)
    train_words = (
        f"fell from {text.number(before)} to {text.number(after)}"
        if fell
        else f"was {text.number(before)} then and {text.number(after)} at the end"
    )
    return Diagnosis(
        "overfitting",
        "warning" if sure and not held else "info",
        f"{'Overfitting' if sure else 'Possible overfitting'} since step {text.count(since)}: the evaluation "
        f"loss rose from {text.number(low)} to {text.number(last)} ({text.share(rise)} more) while the training loss "
        f"{train_words}.{held}",
        f"{'For a better model,' if held else f'Train for fewer steps (max_steps = {since}), or'} add data, "
        "weight_decay or dropout. The run's model is the checkpoint of its `best_step`, which may be an earlier one.",
        steps=(since,),
        steps_factor=1,
    )


def _gain(reading: Reading, since: int) -> float | None:
    """By how much the metric got better since a step, in differences that the validation rows can tell.

    Of the last two evaluations, the better one counts: one bad evaluation is no trend.
    """
    metric, facts = reading.metric, reading.facts
    if since not in metric.steps:
        return None
    sign = 1 if facts.greater_is_better else -1
    then, last = sign * metric.values[metric.steps.index(since)], max(sign * value for value in metric.values[-2:])
    # Some metrics are between 0 and 100.
    return (last - then) / (max(facts.resolution, 1e-9) * max(1.0, abs(then)))


def _held(reading: Reading, since: int, *, by_heart: bool) -> str:
    """That the metric did not get worse although the loss did: the model grows overconfident (Guo et al. 2017)."""
    metric = reading.metric
    then, last = (text.number(value) for value in (metric.values[metric.steps.index(since)], metric.values[-1]))
    return (
        f" The {reading.facts.metric} did not get significantly worse ({then} then, {last} at the end): the model "
        f"{'has memorized the training rows, and ' if by_heart else ''}grows overconfident rather than worse."
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


def still_falling(reading: Reading, trend: Trend) -> Diagnosis | None:
    """Both losses still fall at the end."""
    values = reading.evaluation.values
    if len(values) < FEWEST_EVALUATIONS or int(np.argmin(values)) != len(values) - 1:
        return None
    gain = (values[-2] - values[-1]) / abs(values[-2]) if values[-2] else 0.0
    falling = trend.late - trend.end
    if gain < STILL_FALLING or falling <= max(STILL_FALLING * abs(trend.late), 2 * trend.error):
        return None
    return Diagnosis(
        "underfitting",
        "warning",
        f"Underfitting: both losses were still falling at the end, the evaluation loss from {text.number(values[-2])} "
        f"to {text.number(values[-1])} between the last two evaluations, the training loss from "
        f"{text.number(trend.late)} to {text.number(trend.end)}.",
        "Train for more epochs, or with a higher learning_rate: the model can still improve.",
        steps=tuple(reading.evaluation.steps[-2:]),
        steps_factor=3,
    )


def plateau(reading: Reading, trend: Trend) -> Diagnosis | None:
    """The training loss stays high, and has been flat for the second half."""
    train = reading.train
    half, width = len(train.values) // 2, max(5, len(train.values) // 10)
    middle = sum(train.values[half : half + width]) / width
    moved = middle - trend.end
    high = trend.end > 0.3 * trend.start
    if trend.hidden or not high or moved > max(0.03 * trend.drop, 2 * trend.error) or moved < -2 * trend.error:
        return None
    times, (action, steps) = reading.times_usual, _more(reading)
    odd = times is not None and not LOW < times < HIGH
    if odd:
        action = f"Set learning_rate to about {reading.usual}, the usual one for this model.{reading.compared}"
    return Diagnosis(
        "plateau",
        "info",
        f"The training loss has been flat since step {text.count(train.steps[half])}: {text.number(middle)} there, "
        f"{text.number(trend.end)} at the end, after a start at {text.number(trend.start)}.",
        action,
        steps=(train.steps[half],),
        rate_factor=1 / times if times is not None and odd else 1,
        steps_factor=steps,
    )


def _more(reading: Reading) -> tuple[str, int | None]:
    """What to do about a flat loss: the rows not seen and the schedule come before the model; and `steps_factor`."""
    epochs, rates = reading.train.epochs, reading.rates.values
    seen = epochs[-1] if epochs else 1.0
    ended = bool(rates) and rates[-1] < ENDED * reading.peak_rate
    if seen < 1:
        why = f"the run covered only {text.epochs(seen)}"
        why += ", and its learning rate had decayed to almost 0" if ended else ""
        return f"Train for at least one epoch: {why}.", None
    if ended:
        higher = ", or with a higher learning_rate" if (reading.times_usual or 0) < 1 else ""
        action = (
            "The learning rate had decayed to almost 0, which flattens any loss: train for more epochs"
            f"{higher}. If the loss stays flat, try a larger model or better labels."
        )
        return action, None
    return "More steps alone will not help: try another learning_rate, a larger model, or better labels.", 1
