"""`curves`: what the learning curves of a run say, with evidence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.errors import LuthierError, UsageError
from luthier.learning_curves.diagnose import diagnose
from luthier.learning_curves.diagnosis import OF_BATCHES, Diagnosis
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.plot import figures, save
from luthier.learning_curves.record import Series, read_curves
from luthier.reporting.terminal.curves import curves_pieces
from luthier.reporting.terminal.display import Piece, Shown
from luthier.run_directory.run import Run
from luthier.text import listing

MOST_BATCHES = 3  # whose rows are named


@dataclass(frozen=True, repr=False)
class Curves(Shown):
    """The learning curves of a run, and what they say. The repr is text; a notebook shows it with a table.

    Args:
        run: The run.
        state: `done`, `running` or `stopped`.
        findings: What the curves show, worst first; none while there are no points.
        series: Name of a curve, such as `eval/loss`, to its points.
        picture: Where the losses were drawn.
    """

    run: Run
    state: str
    findings: tuple[Diagnosis, ...]
    series: dict[str, Series]
    picture: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "run": str(self.run.path),
            "state": self.state,
            "findings": [finding.to_dict() for finding in self.findings],
            "curves": {name: _summary(one) for name, one in self.series.items()},
            "picture": str(self.picture) if self.picture else None,
        }

    def _pieces(self) -> Sequence[Piece]:
        return curves_pieces(self.to_dict())


def curves(run_dir: Path | str, *, output: Path | None = None, rows: bool = True) -> Curves:
    """Read the learning curves of a run, finished or not, and diagnose them.

    Args:
        run_dir: The run directory.
        output: Where to draw the losses, as .svg or .png; nowhere by default.
        rows: Name the rows of the batches in which the loss spiked or diverged. For this, the data is read again.
    Returns:
        The findings, each with the steps that show it, what to do, and the curves.
    Raises:
        RunError: It is not a run directory.
        DamagedError: A file of it is damaged.
        RecipeError: Its recipe cannot be read.
        UsageError: `output` has another extension, or there is no loss to draw.

    Example:
        >>> luthier.curves("runs/first").findings[0].message
    """
    run = Run.open(run_dir)
    series = read_curves(run.curves_file)
    found = diagnose(series, Facts.of(run, series))
    if rows and any(finding.id in OF_BATCHES for finding in found):
        found = _with_rows(run, found)
    if output is not None:
        _draw(run, series, output)
    return Curves(run, run.state(), tuple(found), series, output)


def _draw(run: Run, series: dict[str, Series], output: Path) -> None:
    best = (run.read_json(run.result_file) or {}).get("best_step")
    losses = next((drawn for drawn in figures(series, best) if drawn.wide), None)
    if losses is None:
        hint = "wait for the first steps" if run.state() == "running" else "train again: it recorded no step"
        raise UsageError("there is no loss to draw", where=str(run.path), hint=hint)
    save(losses, output)


def _with_rows(run: Run, found: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Name the rows of the batches. They follow from the recipe's seed and the step, so nothing was recorded."""
    # They load transformers, which most runs need not.
    from luthier.data.table import describe_rows
    from luthier.pipeline.journal import same_data
    from luthier.pipeline.preparation.prepare import prepare
    from luthier.pipeline.training.assemble import batch_plan

    try:
        prepared = prepare(run.recipe, Console())
        same_data(run, prepared)
    except LuthierError as error:
        said = f" Their rows are unknown: {error.what}."
        return [replace(one, message=one.message + said) if one.id in OF_BATCHES else one for one in found]
    plan, examples = batch_plan(prepared), prepared.splits["train"]

    def named(finding: Diagnosis) -> Diagnosis:
        if finding.id not in OF_BATCHES:
            return finding
        batches = {
            step: prepared.encoded["train"].to_examples(plan.rows(step - 1).tolist())
            for step in finding.steps[:MOST_BATCHES]
        }
        said = [f"step {step}: {describe_rows(examples, batch)}" for step, batch in batches.items()]
        numbers = sorted({int(examples[i]["row"]) for batch in batches.values() for i in batch})
        message = f"{finding.message} Rows of the batches: {listing(said, MOST_BATCHES)}."
        return replace(finding, message=message, rows=tuple(numbers))

    return [named(finding) for finding in found]


def _summary(series: Series) -> dict[str, Any]:
    finite = [i for i, value in enumerate(series.values) if isfinite(value)]
    lowest, highest = (how(finite, key=lambda i: series.values[i], default=None) for how in (min, max))
    places = {"first": 0, "last": -1, "lowest": lowest, "highest": highest}
    return {"points": len(series.steps)} | {name: _point(series, place) for name, place in places.items()}


def _point(series: Series, place: int | None) -> dict[str, Any] | None:
    """A point of a curve; JSON has no nan and no infinity, so they are text, as in `curves.jsonl`."""
    if place is None:
        return None
    value = series.values[place]
    return {"step": series.steps[place], "value": value if isfinite(value) else str(value)}
