"""The temperature that calibrates probabilities, fitted on the validation rows."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from luthier.arrays import BoolArray, FloatArray, IntArray
from luthier.metrics.calibration import cross_entropies, cross_validated_entropies, fit_temperature, tempered
from luthier.text import number, plural

UNCALIBRATED = 1.0
LEAST = 50  # with fewer rows, the fit loses about as much (0.01 nats, simulated) as a true temperature of 1.3 gains
SIGNIFICANT = 1.96  # standard errors that the mean gain of a row must exceed


@dataclass(frozen=True)
class Decided:
    """What calibration is measured on: the row of one label, or a yes or no for each of several labels.

    Args:
        probabilities: `[n, c]` of each class.
        predicted: `[n]` the class whose probability is the confidence.
        true: `[n]` the true class.
    """

    probabilities: FloatArray
    predicted: IntArray
    true: IntArray

    @property
    def right(self) -> BoolArray:
        return self.predicted == self.true

    def confidence(self, temperature: float = UNCALIBRATED) -> FloatArray:
        """`[n]` the confidence with the logits divided by a temperature."""
        unchanged = temperature == UNCALIBRATED
        probabilities = self.probabilities if unchanged else tempered(self.probabilities, temperature)
        return probabilities[np.arange(len(self.predicted)), self.predicted]


@dataclass(frozen=True)
class Temperature:
    """A temperature, and why it is that.

    Args:
        value: The logits are divided by it; 1 if the probabilities are not calibrated.
        why: The evidence, for a decision.
    """

    value: float
    why: str

    @property
    def name(self) -> str:
        """Its name in a decision."""
        return "none" if self.value == UNCALIBRATED else f"temperature {number(self.value, 2)}"


def fit(decided: Decided, rows: int) -> Temperature:
    """Fit the temperature.

    Args:
        decided: The validation answers, not calibrated.
        rows: Number of validation rows.
    """
    held_out = f"the {plural(rows, 'validation row')}"
    if rows < LEAST:
        return Temperature(UNCALIBRATED, f"{plural(rows, 'validation row')}; a temperature needs at least {LEAST}")
    if len(np.unique(decided.true)) == 1:
        return Temperature(UNCALIBRATED, f"only one class occurs in {held_out}; a temperature needs two")
    before = cross_entropies(decided.probabilities, decided.true, UNCALIBRATED)
    after = cross_validated_entropies(decided.probabilities, decided.true, rows)
    gain = (before - after).reshape(rows, -1).sum(axis=1)
    if gain.mean() <= SIGNIFICANT * gain.std(ddof=1) / rows**0.5:
        return Temperature(UNCALIBRATED, f"no significant gain on {held_out}")
    losses = f"cross-validated loss {number(before.mean())} -> {number(after.mean())}"
    return Temperature(fit_temperature(decided.probabilities, decided.true), f"fitted on {held_out}: {losses}")


def moved(probability: float, temperature: float) -> float:
    """The probability that one of two has if the logits are divided by a temperature."""
    return float(expit(logit(probability) / temperature))
