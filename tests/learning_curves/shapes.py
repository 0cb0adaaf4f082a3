"""Synthetic curves: what training losses, evaluations and learning rates look like."""

from collections.abc import Callable
from typing import Any

import numpy as np

from luthier.learning_curves.diagnose import diagnose
from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series

N = 300
RATE = 1e-4
UNKNOWN = Facts()
Shape = Callable[[Any], Any]


def learns(x: Any) -> Any:
    return 0.1 + 1.4 * np.exp(-x / 40)


def flat(x: Any) -> Any:
    return 0.69 + 0 * x


def train(shape: Shape = learns, noise: float = 0.03, n: int = N, seed: int = 0, epochs: float = 3.0) -> Series:
    x, rng = np.arange(1, n + 1), np.random.default_rng(seed)
    values = shape(x) + noise * rng.standard_normal(n)
    return Series(x.tolist(), values.tolist(), (epochs * x / n).tolist())


def evaluation(*values: float, every: int = 30) -> Series:
    return Series([every * (i + 1) for i in range(len(values))], list(values))


def rates(peak: float = RATE, warmup: float = 0.1, end: float = 1.0, n: int = N) -> Series:
    """A linear schedule: `warmup` and `end` are shares of the steps."""
    x = np.arange(n) / n
    up = x / warmup if warmup else np.ones(n)
    down = (end - x) / (end - warmup)
    return Series(list(range(1, n + 1)), (peak * np.clip(np.minimum(up, down), 0, 1)).tolist())


def found(train_loss: Series, eval_loss: Series, facts: Facts = UNKNOWN, **others: Series) -> dict[str, Diagnosis]:
    """What the diagnosis says, by id; `learning_rate`, `grad_norm` and metrics are further curves."""
    trained = {f"train/{name}": others.pop(name) for name in ("learning_rate", "grad_norm") if name in others}
    measured = {f"eval/{name}": series for name, series in others.items()}
    curves = {"train/loss": train_loss, "eval/loss": eval_loss, **trained, **measured}
    return {finding.id: finding for finding in diagnose(curves, facts)}
