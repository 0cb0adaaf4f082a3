"""A finding in learning curves, and the ids that it may have."""

from dataclasses import dataclass
from typing import Any

from luthier.findings import Finding

DIAGNOSES: dict[str, str] = {
    "divergence": "error: the training loss rises and stays up",
    "healthy-curves": "info: both losses fell and no problem was found",
    "leak-suspected": "warning, info if the data check found none: evaluation rows have as low a loss as training rows",
    "loss-spikes": "info: single steps with a loss far above all others, with the rows of their batches",
    "noisy-loss": "info: the step-to-step noise is larger than the total fall of the loss",
    "non-finite": "error: a curve contains values that are not finite",
    "overfitting": "warning, info if the metric holds: the evaluation loss rises while the training loss falls",
    "plateau": "info: the training loss stays high and no longer falls",
    "rate-too-high": "warning: the training loss stays high or jumps, with a learning rate that is high for the model",
    "rate-too-low": "warning: the training loss hardly moved, with a learning rate far below the usual one",
    "schedule-ended-early": "warning: the learning rate was almost 0 for the last part of the steps",
    "short-warm-up": "warning: the training loss jumped in the first steps, with little or no warm-up",
    "small-validation": "info: too few validation rows to tell evaluations apart",
    "too-few-evaluations": "info: too few evaluations to judge overfitting",
    "too-few-steps": "info: too few steps to see a trend",
    "underfitting": "warning: the training loss hardly moved, or both losses still fall at the end",
}
OF_BATCHES = {"divergence", "loss-spikes", "non-finite"}  # what the rows of single batches may explain


@dataclass(frozen=True, slots=True)
class Diagnosis(Finding):
    """A finding in learning curves.

    Args:
        steps: The steps that show it; `rows` are those of their batches, where they are known.
        rate_factor: Factor for the learning rate that `action` suggests; 1 if it suggests none.
        steps_factor: Factor for the number of optimizer steps; 1 if more would not help, None if this is open.
    """

    steps: tuple[int, ...] = ()
    rate_factor: float = 1
    steps_factor: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = {name: getattr(self, name) for name in ("id", "severity", "message", "action")}
        return found | {"rows": list(self.rows), "steps": list(self.steps)}
