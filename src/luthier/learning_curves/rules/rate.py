"""Rules on the learning rate: too high, too low, raised too fast, or ended too early."""

import numpy as np

from luthier import text
from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.rules.fit import ENDED
from luthier.learning_curves.trend import HIGH, LOW, Reading, Trend, around, running_mean

HARDLY_MOVED = 0.02  # relative change of a loss
COLLAPSED = 10  # times that gradients were larger at the beginning
JUMP, CERTAIN = 0.3, 5  # relative rise of a loss in its first quarter, and standard deviations of a step
SHORT = 0.05  # share of the steps for warm-up
IDLE = 0.2  # share of the steps with a learning rate of almost 0; a cosine schedule has 0.14


def stuck(reading: Reading, trend: Trend) -> Diagnosis | None:
    """The training loss hardly moved: the rate is too low, or so high that the model collapsed."""
    if trend.drop > max(HARDLY_MOVED * abs(trend.start), 3 * trend.error) or trend.hidden or _learned(reading):
        return None
    moved = (
        f"the training loss hardly moved, {text.number(trend.start)} at the start, {text.number(trend.end)} at the end "
        f"of {text.plural(trend.steps, 'step')} (noise of one step: {text.number(trend.noise)})"
    )
    times, norms = reading.times_usual, _vanished(reading)
    if times is not None and times <= LOW:
        return Diagnosis(
            "rate-too-low",
            "warning",
            f"Underfitting, because the learning rate is too low: {moved}.{reading.compared}",
            f"Raise learning_rate to about {reading.usual}.",
            rate_factor=1 / times,
        )
    if norms or (times is not None and times >= HIGH):
        raised = _warmed(reading)
        return Diagnosis(
            "rate-too-high",
            "warning",
            f"The learning rate is probably too high: {moved}.{reading.compared}{norms}{raised}",
            "Divide learning_rate by three or more, and use a warm-up (warmup_ratio = 0.1); a higher rate would not "
            "help.",
            rate_factor=min(1 / 3, 1 / times) if times else 1 / 3,
        )
    higher = times is None or times < 1 / 2
    return Diagnosis(
        "underfitting",
        "warning",
        f"Underfitting: {moved}.{reading.compared}",
        f"{'Raise learning_rate three- to tenfold, check' if higher else 'Check'} that the labels match the texts and "
        "that no parameter is frozen that should train, and train longer.",
        rate_factor=3 if higher else 1,
    )


def _learned(reading: Reading) -> bool:
    """Whether the evaluations, which are less noisy, say otherwise: their loss fell, and the metric got better."""
    values, metric, greater = reading.evaluation.values, reading.metric.values, reading.facts.greater_is_better
    if not values or values[0] - min(values) <= HARDLY_MOVED * abs(values[0]):
        return False
    return not metric or (max(metric) - metric[0] if greater else metric[0] - min(metric)) > reading.facts.resolution


def _vanished(reading: Reading) -> str:
    """That gradients were large at the beginning and are tiny since; empty if they were not."""
    norms = reading.norms.values
    if len(norms) < 10:
        return ""
    early, late = (float(np.quantile(part, 0.9)) for part in (norms[: len(norms) // 5], norms[len(norms) // 2 :]))
    if early <= COLLAPSED * late:
        return ""
    return f" The gradient norm fell from {early:.2g} in the first fifth to {late:.2g}: the model collapsed there."


def _warmed(reading: Reading) -> str:
    steps = reading.warmup
    return f" Warm-up: {text.plural(steps, 'step')}." if reading.rates.steps else ""


def early_jump(reading: Reading, trend: Trend) -> Diagnosis | None:
    """The training loss jumped in its first quarter and came down again, perhaps not to where it was before."""
    values = np.asarray(reading.train.values)
    short, times = reading.warmup < SHORT * len(values), reading.times_usual
    if not reading.rates.steps or not (short or (times is not None and times >= HIGH)):
        return None
    width = max(3, len(values) // 40)
    means = running_mean(values, width)[: len(values) // 4]
    top = int(means.argmax())
    # A window would hide that the very first update was too large.
    before, highest = float(min(values[0], means[: top + 1].min())), float(means[top])
    noise = 1.4826 * float(np.median(np.abs(values - around(values, max(5, len(values) // 10)))))
    if highest - before < max(JUMP * abs(before), CERTAIN * noise):
        return None
    step = reading.train.steps[top + width // 2]
    return Diagnosis(
        "short-warm-up" if short else "rate-too-high",
        "warning",
        f"{'The warm-up is too short' if short else 'The learning rate is too high'}: the training loss jumped from "
        f"{text.number(before)} to {text.number(highest)} near step {text.count(step)}, and ended at "
        f"{text.number(trend.end)}.{_warmed(reading)}{reading.compared}",
        "Use a longer warm-up (warmup_ratio = 0.1); if the loss still jumps, divide learning_rate by three."
        if short
        else "Divide learning_rate by three.",
        steps=(step,),
        rate_factor=1 if short else 1 / 3,
        steps_factor=1,
    )


def schedule_ended(reading: Reading, trend: Trend) -> Diagnosis | None:
    """The learning rate was almost 0 for the last part of the steps."""
    rates, peak = reading.rates.values, reading.peak_rate
    last = max((i for i, rate in enumerate(rates) if rate >= ENDED * peak), default=len(rates))
    idle = (len(rates) - 1 - last) / max(1, len(rates))
    if idle < IDLE:
        return None
    step = reading.rates.steps[last + 1]
    return Diagnosis(
        "schedule-ended-early",
        "warning",
        f"The learning-rate schedule ended too early: the rate was below {text.share(ENDED)} of its peak from step "
        f"{text.count(step)} on, {text.share(idle)} of the steps, which changed almost nothing (training loss at the "
        f"end: {text.number(trend.end)}).",
        "Let the schedule end with the training: remove lr_scheduler_kwargs that shorten it, or train for fewer steps.",
        steps=(step,),
        steps_factor=None,
    )
