"""Diagnose learning curves: findings about the training, with evidence and a hint."""

from collections.abc import Mapping

import numpy as np

from luthier import text
from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series
from luthier.learning_curves.rules import fit, rate, stability, validation
from luthier.learning_curves.trend import FEWEST_STEPS, Reading, Trend

SEVERITIES = ("error", "warning", "info")
ENOUGH = 0.5  # share of the steps after which a loss must have moved
UNKNOWN = Facts()
HARMLESS = {"small-validation", "loss-spikes"}  # a run with these is healthy


def diagnose(curves: Mapping[str, Series], facts: Facts = UNKNOWN) -> list[Diagnosis]:
    """Diagnose the curves of a run: one or more findings, or none while there are no curves.

    Args:
        curves: As `read_curves` returns them.
        facts: What else is known of the run, as `Facts.of` reads it.
    Returns:
        Findings of `DIAGNOSES`, worst first.
    """
    reading = Reading(curves, facts)
    if not curves.get("train/loss", Series()).steps and not curves.get("eval/loss", Series()).steps:
        return []
    trend, evaluation = reading.trend, reading.evaluation
    non_finite = stability.non_finite(reading)
    if trend is None:
        found: list[Diagnosis | None] = [_too_few_steps(reading) if facts.ended else None, fit.overfitting(reading)]
    elif diverged := stability.divergence(reading, trend):
        return [*non_finite, diverged]
    else:
        found = _of_trend(reading, trend)
    few = validation.too_few_evaluations(reading) if facts.ended else None
    found = [*non_finite, *found, few]
    findings = [finding for finding in found if finding is not None]
    if trend is not None and evaluation.steps and all(finding.id in HARMLESS for finding in findings):
        findings.insert(0, _healthy(reading, trend))
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _of_trend(reading: Reading, trend: Trend) -> list[Diagnosis | None]:
    """What the rules say of a loss that does not diverge."""
    facts, overfitting = reading.facts, fit.overfitting(reading)
    wrong_rate = (rate.stuck(reading, trend) if facts.done >= ENOUGH else None) or rate.early_jump(reading, trend)
    ended_early = rate.schedule_ended(reading, trend) if facts.ended else None
    longer = None
    if facts.ended and not (overfitting or wrong_rate or ended_early):  # else, training longer is no advice
        longer = fit.still_falling(reading, trend) or fit.plateau(reading, trend)
    return [
        overfitting,
        wrong_rate,
        longer,
        stability.noisy(reading, trend),
        ended_early,
        stability.spikes(reading),
        validation.leak(reading, trend),
        validation.small(reading),
    ]


def _too_few_steps(reading: Reading) -> Diagnosis:
    return Diagnosis(
        "too-few-steps",
        "info",
        f"{text.plural(len(reading.train.steps), 'point')} of training loss: too few to see a trend (at least "
        f"{FEWEST_STEPS}).",
        "Train longer before interpreting the curve.",
    )


def _healthy(reading: Reading, trend: Trend) -> Diagnosis:
    evaluation = reading.evaluation
    low = int(np.argmin(evaluation.values))
    return Diagnosis(
        "healthy-curves",
        "info",
        f"The curves look healthy{'' if reading.facts.ended else ' so far'}: the training loss fell from "
        f"{text.number(trend.start)} to {text.number(trend.end)}, the evaluation loss from "
        f"{text.number(evaluation.values[0])} to {text.number(evaluation.values[-1])}, lowest "
        f"({text.number(evaluation.values[low])}) at step {text.count(evaluation.steps[low])}.",
        "No action needed.",
    )
