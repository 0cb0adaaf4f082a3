"""`inspect`: a report on the data, and the estimated cost of training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.data.reading.memory import Data
from luthier.data.table import Accounts
from luthier.findings import Finding
from luthier.pipeline.inference.cost import measure_cost
from luthier.pipeline.preparation.first_batch import first_batch
from luthier.pipeline.preparation.prepare import prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import assemble, decide_precision
from luthier.recipe import Recipe
from luthier.reporting.terminal.display import Piece, Shown
from luthier.reporting.terminal.inspection import finding_pieces, inspection_pieces
from luthier.storage.temporary import temporary_directory


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """A report on the data. Its repr is text of at most 80 columns; a notebook shows tables.

    Args:
        task: The task that the data is for.
        shape: Form of a row, such as `pair/one`.
        columns: Role to column, or to several.
        rows: Split to its rows: how many were read, kept, and skipped for which reason; those of the sample, if any.
        sample: Of a sample, its `rows` and `bytes`, the estimated `of_rows` and the `of_bytes` of all data; None if all
            rows were read.
        labels: Label to its rows in the training split; of tags, to its entities or words.
        lengths: `median`, `p95` and `max` in tokens, and `truncated_share`.
        findings: What the checks found, worst first.
        stops: Whether a finding would stop `train`.
        batch: The first training batch, see `first_batch`; None if a finding would stop `train`.
        cost: What a run would cost, see `Cost.to_dict`; None if it was not measured.
        values: What `--json` prints.
    """

    task: str
    shape: str | None
    columns: Mapping[str, str | list[str]]
    rows: Mapping[str, Accounts]
    sample: Mapping[str, int] | None
    labels: Mapping[str, int]
    lengths: Mapping[str, float]
    findings: tuple[Finding, ...]
    stops: bool
    batch: Mapping[str, Any] | None
    cost: Mapping[str, Any] | None
    values: dict[str, Any] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        return self.values

    def _pieces(self) -> list[Piece]:
        return inspection_pieces(self.values) + finding_pieces(self.values)


def inspect(
    data: Data | Recipe,
    *,
    cost: bool = False,
    all_rows: bool = False,
    console: Console | None = None,
    **settings: Any,
) -> Inspection:
    """Read, recognise and check data as `train` would, and report what was found.

    Args:
        data: As in `train`.
        cost: Whether to run a few batches to measure what training, evaluations and the final score would cost.
        all_rows: Whether to read every row, also of large data; otherwise a sample of it answers within seconds.
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
        recipe = build_recipe(data, settings, Path(folder), console)
        prepared = prepare(recipe, console, may_sample=not all_rows)
        batch = measured = None
        if not prepared.stopping:
            if cost:
                decide_precision(prepared, console)
            training = assemble(prepared)
            batch = first_batch(prepared, training)
            measured = measure_cost(prepared, training, recipe.data.train_rows).to_dict() if cost else None
        sample = prepared.sample.to_dict(prepared.table.accounts) if prepared.sample else None
        words = prepared.task.kind.page_words()
        told = {"counted": "rows" if words.of_rows else "occurrences", "long_rows": words.long_rows}
        values = prepared.to_dict() | told | {"sample": sample, "batch": batch, "cost": measured}
    return Inspection(
        task=prepared.task.name,
        shape=prepared.recipe.data.shape,
        columns=prepared.recipe.data.columns,
        rows=prepared.table.accounts,
        sample=sample,
        labels=values["labels"],
        lengths=values["lengths"],
        findings=tuple(prepared.findings),
        stops=bool(prepared.stopping),
        batch=batch,
        cost=measured,
        values=values,
    )
