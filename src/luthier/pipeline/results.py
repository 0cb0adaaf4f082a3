"""The results that `train` and `evaluate` return."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from luthier.learning_curves.advice import Advice, advise
from luthier.learning_curves.record import read_curves
from luthier.metrics.bootstrap import Score
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.reporting.terminal.display import Fields, Piece, Shown
from luthier.reporting.terminal.score_table import score_pieces
from luthier.reporting.verdict import verdict
from luthier.run_directory.run import Run


@dataclass(frozen=True, slots=True)
class MetricScore(Score):
    """The value of a metric with its interval, and the rows it was computed on.

    Args:
        split: `test` or `validation`.
    """

    split: str

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """The score in an entry of `metrics.json`."""
        return cls(**{key: entry[key] for key in ("value", "low", "high", "n", "split")})


@dataclass(frozen=True, repr=False)
class Scores(Shown):
    """The scores of a model. The repr is a table; a notebook shows it as one.

    Args:
        values: What `--json` prints.
    """

    values: dict[str, Any] = field(repr=False)

    @cached_property
    def metrics(self) -> dict[str, MetricScore]:
        """Metric to its score: `metrics["accuracy"].value`, with `.low`, `.high`, `.n` and `.split`."""
        return {name: MetricScore.of(entry) for name, entry in self.values["metrics"].items()}

    @property
    def baselines(self) -> dict[str, dict[str, float | None]]:
        """Baseline to its metrics."""
        return self.values["baselines"]

    @cached_property
    def differences(self) -> dict[str, dict[str, Score]]:
        """Baseline to the paired differences, model minus baseline."""
        found = self.values["differences"]
        return {name: {key: Score(**one) for key, one in scores.items()} for name, scores in found.items()}

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return self.values

    def _pieces(self) -> list[Piece]:
        return score_pieces(self.values)


@dataclass(frozen=True, repr=False)
class Result(Scores):
    """The result of a run.

    Args:
        run: The run directory.
    """

    run: Run

    def __fspath__(self) -> str:
        """Every function that takes a run directory takes a result."""
        return str(self.run.path)

    @property
    def model_path(self) -> Path:
        """The model, which loads with plain transformers too."""
        return self.run.model

    @property
    def report_path(self) -> Path:
        return self.run.report_file

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return self.values["steps"]

    @property
    def seconds(self) -> float:
        """Seconds of training."""
        return self.values["seconds"]

    @cached_property
    def advice(self) -> Advice | None:
        """What to try if the model does not beat a baseline: `.why` and `.command`; None without evidence for it."""
        beaten = verdict(self.values, {}).tone == "bad"
        return advise(self.run, read_curves(self.run.curves_file)) if beaten else None

    def with_tracking(self, sent: Mapping[str, Any]) -> "Result":
        """The result with what was sent to each tracker; the same without trackers."""
        return replace(self, values={**self.values, "tracking": dict(sent)}) if sent else self

    def predictor(self) -> Predictor:
        """The model, ready to predict."""
        return load(self.run.path)

    def _pieces(self) -> list[Piece]:
        places = [("run", str(self.run.path)), ("report", str(self.report_path))]
        again = [("retrain", self.advice.command)] if self.advice else []
        return [*score_pieces(self.values, self.advice), Fields([*places, *again])]


@dataclass(frozen=True, repr=False)
class Evaluation(Scores):
    """The result of an evaluation.

    Args:
        directory: Where `metrics.json` and `predictions.parquet` were written.
    """

    directory: Path

    def _pieces(self) -> list[Piece]:
        return [*super()._pieces(), Fields([("directory", str(self.directory))])]
