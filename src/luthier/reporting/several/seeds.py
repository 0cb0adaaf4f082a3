"""The page of several seeds: the mean over them, each one's score, and which one is the model."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.reporting import names
from luthier.reporting.drawing.intervals import Mark, Scale, mark
from luthier.reporting.panels import Score
from luthier.reporting.render import render
from luthier.reporting.several.words import MEANS, VARIES, best_words, headline, partly
from luthier.reporting.verdict import main_metric
from luthier.storage.atomic import write_text
from luthier.text import duration, listing, typed


@dataclass(frozen=True, slots=True)
class SeedRow:
    """One seed.

    Args:
        seed: The seed.
        report: Its report, relative to the page.
        validation: The score that it was ranked by; None without one.
        score: Its score on the held-out rows; None if nothing was scored.
        drawing: Drawing of it.
        best: Whether it is the model.
    """

    seed: int
    report: str
    validation: float | None
    score: Score | None
    drawing: Mark | None
    best: bool


def write_seeds_report(path: Path, values: Mapping[str, Any], own: Mapping[str, str]) -> Path:
    """Write the page of several seeds.

    Args:
        path: The file.
        values: What `train --seeds --json` prints.
        own: The task's display names of metrics.
    Returns:
        The file.
    Raises:
        ResourceError: It cannot be written.
    """
    metric, over_all = main_metric(values)
    picked = values["metric_for_best"]
    entries = [(run["metrics"].get(metric) or {}) for run in values["runs"]]
    mean = _mean(over_all or {})
    ends = [entry.get(key) for entry in entries for key in ("value", "low", "high")]
    scale = Scale.over([*ends, mean.value, mean.low, mean.high])
    page = render(
        "seeds.html",
        charts=False,
        name=path.parent.resolve().name,
        headline=headline(values, own),
        notes=[best_words(values, own), VARIES, MEANS],
        metric=metric,
        words=names.metric(metric, own),
        picked=picked or metric,
        picked_words=names.metric(picked or metric, own),
        scale=scale,
        seeds=[_row(path, values, run, entry, scale) for run, entry in zip(values["runs"], entries, strict=True)],
        mean=mean,
        drawing=mark(scale, mean),
        metrics=[
            (name, names.metric(name, own) + partly(entry), _mean(entry), entry["sd"], _range(entry))
            for name, entry in values["metrics"].items()
        ],
        facts=[
            ("Task", values["task"]),
            ("Seeds", listing(values["seeds"], 20)),
            ("Time of training", duration(values["seconds"])),
        ],
        commands=[("Predict with the best seed", f"luthier predict {typed(values['run'])} --file DATA")]
        * bool(values["best"])
        + [("Compare with another recipe", f"luthier compare {typed(values['run'])} DIR")],
    )
    write_text(path, page)
    return path


def _row(
    path: Path, values: Mapping[str, Any], run: Mapping[str, Any], entry: Mapping[str, Any], scale: Scale
) -> SeedRow:
    score = Score.of(entry) if "value" in entry else None
    return SeedRow(
        seed=run["seed"],
        report=Path(os.path.relpath(run["report"], path.parent)).as_posix(),
        validation=run["validation"],
        score=score,
        drawing=mark(scale, score) if score else None,
        best=values["best"] is not None and values["best"]["seed"] == run["seed"],
    )


def _mean(entry: Mapping[str, Any]) -> Score:
    return Score(entry.get("mean"), entry.get("low"), entry.get("high"))


def _range(entry: Mapping[str, Any]) -> tuple[float | None, float | None]:
    known = [value for value in entry["values"] if value is not None]
    return min(known, default=None), max(known, default=None)
