"""Which evaluations of a training are the best ones."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# No two shares are further apart: from this tolerance on, the last evaluation is taken, even if it is undefined.
ANY = 1.0


@dataclass(frozen=True)
class Evaluated:
    """An evaluation on the validation rows.

    Args:
        step: Its step.
        value: The metric that selects the best checkpoint; nan if it is undefined, which is never better.
        loss: The loss, which decides between equal metrics.
    """

    step: int
    value: float
    loss: float

    @classmethod
    def of(cls, step: int, metrics: Mapping[str, float], metric: str, prefix: str = "") -> "Evaluated":
        """The evaluation in the metrics of a step, whose names may have a prefix."""
        return cls(step, metrics.get(prefix + metric, math.nan), metrics.get(f"{prefix}loss", math.inf))

    @classmethod
    def read(cls, values: Any) -> "Evaluated":
        """An evaluation as it is, or from its JSON."""
        return values if isinstance(values, cls) else cls(**values)

    @property
    def defined(self) -> bool:
        return not math.isnan(self.value)

    def gains(self, other: "Evaluated | None", *, greater: bool) -> bool:
        """Whether the metric is better; `greater` says whether a higher value is."""
        if not self.defined or other is None or not other.defined:
            return self.defined
        return self.value > other.value if greater else self.value < other.value

    def beats(self, other: "Evaluated | None", *, greater: bool) -> bool:
        """Whether the metric is better, or the loss lower at the same metric."""
        equal = other is not None and self.value == other.value
        return self.gains(other, greater=greater) or (equal and other is not None and self.loss < other.loss)

    def near(self, other: "Evaluated | None", tolerance: float, *, greater: bool) -> bool:
        """Whether the metric is worse than another by a tolerance at most, which is not 0."""
        if other is None or not tolerance or not self.defined:
            return other is not None and tolerance >= ANY
        return (other.value - self.value if greater else self.value - other.value) <= tolerance

    def among(self, ranked: Sequence["Evaluated"], most: int, *, greater: bool) -> list["Evaluated"]:
        """The best `most` of this and other evaluations, best first; the earlier of equals comes first."""
        if not self.defined:
            return list(ranked)
        place = next((i for i, other in enumerate(ranked) if self.beats(other, greater=greater)), len(ranked))
        return [*ranked[:place], self, *ranked[place:]][:most]
