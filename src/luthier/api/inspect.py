"""`inspect`: the data report without training, and what a training would cost."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accelerate import Accelerator

from luthier.console import Console
from luthier.engines.loop import MIXED_PRECISION, steps
from luthier.pipeline.assemble import assemble, decide_precision
from luthier.pipeline.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.run_directory.environment import peak_memory

MEASURED_STEPS = 4  # the first of them warms up


@dataclass(frozen=True)
class Inspection:
    """What is in the data.

    Args:
        prepared: The data as a training would use it.
        cost: What a training would cost; None where it was not measured.
    """

    prepared: Prepared
    cost: dict[str, float] | None

    @property
    def stops(self) -> bool:
        """Whether a finding would stop `train`."""
        return bool(self.prepared.stopping)

    def to_dict(self) -> dict[str, Any]:
        return self.prepared.to_dict() | {"cost": self.cost}


def inspect(
    data: Sequence[str],
    *,
    overrides: Mapping[str, Any] | None = None,
    cost: bool = True,
    console: Console | None = None,
) -> Inspection:
    """Read, recognise and check data as `train` would, and say what was found.

    Args:
        data: Sources, or a recipe file.
        overrides: Dotted recipe key to value.
        cost: Whether to run a few steps to tell what a training would cost.
        console: Told what is decided.
    Raises:
        DataError: The data cannot be read.
        UsageError: The task, the columns or the model cannot be.
    """
    prepared = prepare(build_recipe(data, overrides or {}), console or Console())
    measured = measure_cost(prepared, console or Console()) if cost and not prepared.stopping else None
    return Inspection(prepared, measured)


def measure_cost(prepared: Prepared, console: Console) -> dict[str, float]:
    """Run a few steps and scale them up: seconds by step and in all, and memory.

    Returns:
        `steps`, `seconds_per_step`, `seconds` (of training alone) and `peak_memory_bytes` so far.
    """
    decide_precision(prepared, console)
    training = assemble(prepared)
    accelerator = Accelerator(mixed_precision=MIXED_PRECISION[prepared.recipe.training.precision])
    total, training.total_steps = training.total_steps, min(training.total_steps, MEASURED_STEPS)
    seconds, padded_tokens, clock = 0.0, 0, time.perf_counter()
    for step in steps(training, accelerator):
        float(step.loss)  # waits for the device
        now = time.perf_counter()
        if step.step > 1 or training.total_steps == 1:
            seconds, padded_tokens = seconds + now - clock, padded_tokens + step.padded_tokens
        clock = now
    rows = prepared.encoded["train"].lengths
    # Batches differ in length, so the time is taken by token; batches of like length hold little padding.
    per_step = seconds / max(padded_tokens, 1) * float(rows.mean()) * min(training.recipe.batch_size, len(rows))
    return {
        "steps": total,
        "seconds_per_step": per_step,
        "seconds": per_step * total,
        "peak_memory_bytes": peak_memory(),
    }
