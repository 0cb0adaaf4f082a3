"""The content of a report, read once from the files of a run directory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.findings import Finding
from luthier.learning_curves.diagnose import diagnose
from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series, read_curves
from luthier.recipe import Recipe
from luthier.reporting.task_words import TaskWords
from luthier.reporting.telling import TracedRow, traced_rows
from luthier.run_directory.run import Run

_SEVERITIES = ("error", "warning", "info")
_MOST_SKIPPED = 20


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding and what it is about: `data` or `training`."""

    about: str
    finding: Finding


@dataclass(frozen=True)
class Content:
    """The files of a run, parsed; a file that is not written yet is empty here.

    Args:
        run: The run.
        words: The task's texts for reports.
        state: `done`, `running` or `stopped`.
        recipe: The recipe.
        environment: `environment.json`.
        data: `data.json`.
        metrics: `metrics.json`.
        result: `result.json`.
        curves: `curves.jsonl`.
        findings: Findings on the data and the curves, most severe first.
        skipped: The first lines of `skipped.jsonl`.
        traced: The rows that pages beside the report trace.
    """

    run: Run
    words: TaskWords
    state: str
    recipe: Recipe
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    metrics: Mapping[str, Any]
    result: Mapping[str, Any]
    curves: Mapping[str, Series]
    findings: tuple[Noted, ...]
    skipped: tuple[Mapping[str, Any], ...]
    traced: tuple[TracedRow, ...]

    @classmethod
    def read(cls, run: Run, words: TaskWords) -> "Content":
        """Read the run directory of a finished or unfinished run.

        Raises:
            DamagedError: A file is damaged.
            RecipeError: The recipe cannot be read.
        """
        data = run.read_json(run.data_file) or {}
        curves = read_curves(run.curves_file)
        return cls(
            run=run,
            words=words,
            state=run.state(),
            recipe=run.recipe,
            environment=run.read_json(run.environment_file) or {},
            data=data,
            metrics=run.read_json(run.metrics_file) or {},
            result=run.read_json(run.result_file) or {},
            curves=curves,
            findings=_findings(data, diagnose(curves, Facts.of(run, curves))),
            skipped=_skipped(run),
            traced=tuple(traced_rows(run)),
        )

    @property
    def name(self) -> str:
        """The run's name, which is the name of its directory."""
        return self.run.path.resolve().name

    @property
    def task(self) -> str:
        return str(self.data.get("task") or self.metrics.get("task") or self.recipe.task or "")

    @property
    def model(self) -> str:
        """The model: its name, or its architecture and size if it was trained from scratch."""
        return self.recipe.model.title or "not chosen yet"

    @property
    def shape(self) -> str:
        """The shape of a row, such as `single/one`; empty while it is unknown."""
        return str(self.data.get("shape") or self.recipe.data.shape or "")


def _findings(data: Mapping[str, Any], training: Sequence[Finding]) -> tuple[Noted, ...]:
    of_data = [Noted("data", Finding.from_dict(found)) for found in data.get("findings", [])]
    found = of_data + [Noted("training", finding) for finding in training]
    return tuple(sorted(found, key=lambda noted: _SEVERITIES.index(noted.finding.severity)))


def _skipped(run: Run) -> tuple[Mapping[str, Any], ...]:
    if not run.skipped_file.exists():
        return ()
    found: list[Mapping[str, Any]] = []
    with run.skipped_file.open(encoding="utf-8") as file:
        for line in file:
            try:
                found.append(json.loads(line))
            except ValueError:
                # While a run is in progress, the last line may be incomplete.
                break
            if len(found) == _MOST_SKIPPED:
                break
    return tuple(found)
