"""Runs that are written down as `train` would have, without a model: what was answered is given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.learning_curves.record import CurveWriter
from luthier.pipeline.inference.score import score
from luthier.run_directory.predictions import write_predictions
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text
from luthier.tasks.text_classification.task import TextClassification
from tests.conftest import review_rows
from tests.tasks.by_hand import Row, learned, recipe_of

ROWS = review_rows(20)
GOLD = [str(row["label"]) for row in ROWS]


def wrong_on(*places: int) -> list[str]:
    """The right labels of `ROWS`, but for these rows."""
    return [("bad" if label == "good" else "good") if i in places else label for i, label in enumerate(GOLD)]


def begun(path: Path, *, started: str = "2026-01-01T00:00:00Z", **settings: Any) -> Run:
    """A run that has not taken a step."""
    run = Run.create(path)
    write_json(run.environment_file, {"started": started})
    write_text(run.recipe_file, recipe_of(task="text-classification", **settings).to_toml())
    return run


def finished(
    path: Path,
    said: Sequence[str],
    *,
    baselines: Mapping[str, Sequence[str]] | None = None,
    trained_on: Sequence[Row] = ROWS,
    **given: Any,
) -> Run:
    """A finished run of a classifier.

    Args:
        path: The run directory.
        said: The answer to each of `ROWS`, which it is scored on.
        baselines: Baseline to its answers.
        trained_on: What it knows the labels from.
        given: As `begun` takes them.
    """
    run = begun(path, **given)
    task, _ = learned(TextClassification, trained_on)
    _, examples = learned(TextClassification, ROWS)
    answers = [
        {"prediction": label, "score": 0.75, "scores": [0.75 if label == name else 0.25 for name in task.learned.names]}
        for label in said
    ]
    others = {name: [{"prediction": label} for label in theirs] for name, theirs in (baselines or {}).items()}
    scored = score(task, answers, examples, run.recipe, split="test", baselines=others)
    curves = CurveWriter(run.curves_file)
    for step, loss in enumerate((0.75, 0.5, 0.25), start=1):
        curves.add(step, step / 3, {"train/loss": loss})
    curves.close()
    write_json(run.task_file, task.to_dict())
    write_predictions(run.predictions_file, scored.predictions)
    write_json(run.metrics_file, scored.to_dict(task.name))
    write_json(run.result_file, {"run": str(path), "steps": 3})
    return run
