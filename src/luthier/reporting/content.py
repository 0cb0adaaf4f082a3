"""Everything that a report is made of, read once from the files of a run directory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luthier.findings import Finding
from luthier.learning_curves.diagnose import diagnose
from luthier.learning_curves.record import Series, read_curves
from luthier.recipe import Recipe
from luthier.reporting.task_words import TaskWords
from luthier.run_directory.run import Run

_SEVERITIES = ("error", "warning", "info")
_REJECTED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding and what it is about: `data` or `training`."""

    about: str
    finding: Finding


@dataclass(frozen=True)
class Content:
    """The files of a run. What is not written yet is empty.

    Args:
        run: The run.
        words: What its task says of itself.
        state: `done`, `running` or `stopped`.
        recipe: The recipe.
        environment: `environment.json`.
        data: `data.json`.
        metrics: `metrics.json`.
        result: `result.json`.
        curves: `curves.jsonl`.
        findings: Of the data and of the curves, worst first.
        skipped: The first lines of `skipped.jsonl`.
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

    @classmethod
    def read(cls, run: Run, words: TaskWords) -> "Content":
        """Read a run directory, however far the run is.

        Raises:
            RunError: A file is damaged.
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
            findings=_findings(data, curves),
            skipped=_skipped(run),
        )

    @property
    def name(self) -> str:
        """The run's name: that of its directory."""
        return self.run.path.resolve().name

    @property
    def task(self) -> str:
        return str(self.data.get("task") or self.metrics.get("task") or self.recipe.task or "")

    @property
    def model(self) -> str:
        """What was trained: a model by its name, or a new one by its size and architecture."""
        model = self.recipe.model
        if model.from_scratch:
            return f"{model.architecture or 'a new model'} of size {model.from_scratch}, from scratch"
        return model.name or "not chosen yet"

    @property
    def shape(self) -> str:
        """What a row looks like, such as `single/one`; empty while nobody knows."""
        return str(self.data.get("shape") or self.recipe.data.shape or "")


def _findings(data: Mapping[str, Any], curves: Mapping[str, Series]) -> tuple[Noted, ...]:
    of_data = [Noted("data", Finding.from_dict(found)) for found in data.get("findings", [])]
    found = of_data + [Noted("training", finding) for finding in diagnose(curves)]
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
                # The last line of a run that is going on may be half written.
                break
            if len(found) == _REJECTED_SHOWN:
                break
    return tuple(found)
