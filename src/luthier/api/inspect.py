"""`inspect`: a report on the data, and the estimated cost of training."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.data.reading.memory import Data
from luthier.data.table import Accounts
from luthier.engines.loop import new_accelerator, steps
from luthier.findings import Finding
from luthier.pipeline.assemble import assemble, decide_precision
from luthier.pipeline.first_batch import first_batch
from luthier.pipeline.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.recipe import Recipe
from luthier.reporting.terminal.display import Piece, Shown
from luthier.reporting.terminal.inspection import finding_pieces, inspection_pieces
from luthier.run_directory.environment import peak_memory
from luthier.storage.temporary import temporary_directory

MEASURED_STEPS = 4  # the first one warms up


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """A report on the data. Its repr is text of at most 80 columns; a notebook shows tables.

    Args:
        task: The task that the data is for.
        shape: Form of a row, such as `pair/one`.
        columns: Role to column, or to several.
        rows: Split to its rows: how many were read, kept, and skipped for which reason.
        labels: Label to its rows in the training split.
        lengths: `median`, `p95` and `max` in tokens, and `truncated_share`.
        findings: What the checks found, worst first.
        stops: Whether a finding would stop `train`.
        batch: The first training batch, see `first_batch`; None if a finding would stop `train`.
        cost: What training would cost, see `measure_cost`; None if it was not measured.
        values: What `--json` prints.
    """

    task: str
    shape: str | None
    columns: Mapping[str, str | list[str]]
    rows: Mapping[str, Accounts]
    labels: Mapping[str, int]
    lengths: Mapping[str, float]
    findings: tuple[Finding, ...]
    stops: bool
    batch: Mapping[str, Any] | None
    cost: Mapping[str, float] | None
    values: dict[str, Any] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        return self.values

    def _pieces(self) -> list[Piece]:
        return inspection_pieces(self.values) + finding_pieces(self.values)


def inspect(data: Data | Recipe, *, cost: bool = False, console: Console | None = None, **settings: Any) -> Inspection:
    """Read, recognise and check data as `train` would, and report what was found.

    Args:
        data: As in `train`.
        cost: Whether to run a few steps to measure what training would cost.
        console: Receives decisions and findings; silent by default.
        **settings: As in `train`.
    Returns:
        The report; print it, or let a notebook show it.
    Raises:
        DataError: The data cannot be read.
        UsageError: The task, the columns or the model is invalid.

    Example:
        >>> luthier.inspect("reviews.csv").labels
    """
    console = console or Console()
    with temporary_directory() as folder:
        prepared = prepare(build_recipe(data, settings, Path(folder), console), console)
        batch = measured = None
        if not prepared.stopping:
            training = assemble(prepared)
            batch = first_batch(prepared, training)
            measured = measure_cost(prepared, console) if cost else None
        values = prepared.to_dict() | {"batch": batch, "cost": measured}
    return Inspection(
        task=prepared.task.name,
        shape=prepared.recipe.data.shape,
        columns=prepared.recipe.data.columns,
        rows=prepared.table.accounts,
        labels=values["labels"],
        lengths=values["lengths"],
        findings=tuple(prepared.findings),
        stops=bool(prepared.stopping),
        batch=batch,
        cost=measured,
        values=values,
    )


def measure_cost(prepared: Prepared, console: Console) -> dict[str, float]:
    """Run a few steps to estimate the cost of training: seconds per step and in total, and memory.

    Returns:
        `steps`, `seconds_per_step`, `seconds` (training only) and `peak_memory_bytes` so far.
    """
    decide_precision(prepared, console)
    training = assemble(prepared)
    total, training.total_steps = training.total_steps, min(training.total_steps, MEASURED_STEPS)
    seconds, padded_tokens, clock = 0.0, 0, time.perf_counter()
    for step in steps(training, new_accelerator(training)):
        float(step.loss)  # waits for the device
        now = time.perf_counter()
        if step.step > 1 or training.total_steps == 1:
            seconds, padded_tokens = seconds + now - clock, padded_tokens + step.padded_tokens
        clock = now
    rows = prepared.encoded["train"].lengths
    # Batches differ in length, so time is measured per token; length-grouped batches hold little padding.
    per_step = seconds / max(padded_tokens, 1) * float(rows.mean()) * min(training.recipe.batch_size, len(rows))
    return {
        "steps": total,
        "seconds_per_step": per_step,
        "seconds": per_step * total,
        "peak_memory_bytes": peak_memory(training.device),
    }
