"""The table of scores: each metric with its interval, the baselines, and the difference to each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luthier.reporting import names
from luthier.reporting.drawing.intervals import Mark, Scale, mark
from luthier.reporting.panels import Score
from luthier.reporting.verdict import main_metric, strongest


@dataclass(frozen=True, slots=True)
class Row:
    """One metric.

    Args:
        metric: Key in `metrics.json`.
        name: Display name.
        score: The model's score.
        n: Number of rows that it was measured on.
        drawing: The interval, with a tick for the best baseline.
        scale: Scale of the drawing.
        baselines: Score of each baseline, in the order of the headings; None for one without this metric.
        difference: Model minus the best baseline.
        verdict: Of the difference; see `panels.Score.verdict`.
        main: Whether this metric ranks models.
    """

    metric: str
    name: str
    score: Score
    n: int | None
    drawing: Mark | None
    scale: Scale
    baselines: tuple[Score | None, ...]
    difference: Score | None
    verdict: str
    main: bool


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """All metrics of a run.

    Args:
        baselines: Headings of the baselines' columns.
        rows: One for each metric; the metric that ranks models comes first.
        scale: The drawings' common scale; None where each drawing has its own.
        mixed: Whether the metrics were measured on different numbers of rows.
    """

    baselines: tuple[str, ...]
    rows: tuple[Row, ...]
    scale: Scale | None
    mixed: bool


def score_table(metrics: Mapping[str, Any], own: Mapping[str, str]) -> ScoreTable | None:
    """The table of `metrics.json`; None while there is none.

    Args:
        metrics: `metrics.json`.
        own: The task's display names of metrics, where they differ from the common ones.
    """
    entries: Mapping[str, dict[str, Any] | None] = metrics.get("metrics") or {}
    if not entries:
        return None
    best, _ = main_metric(metrics)
    baselines = metrics.get("baselines") or {}
    ordered = sorted(entries, key=lambda name: name != best)
    scales = _scales(metrics, entries)
    shared = next(iter(scales.values())) if len(set(scales.values())) == 1 else None
    rows = tuple(_row(metrics, name, entries[name] or {}, scales[name], own, main=name == best) for name in ordered)
    return ScoreTable(
        tuple(names.baseline_head(name) for name in baselines), rows, shared, len({row.n for row in rows}) > 1
    )


def _row(
    metrics: Mapping[str, Any],
    name: str,
    entry: Mapping[str, Any],
    scale: Scale,
    own: Mapping[str, str],
    *,
    main: bool,
) -> Row:
    score = Score.of(entry)
    known = [scores or {} for scores in (metrics.get("baselines") or {}).values()]
    rivals = tuple(Score(scores[name]) if name in scores else None for scores in known)
    rival = strongest(metrics, name)
    found = ((metrics.get("differences") or {}).get(rival) or {}).get(name)
    difference = Score.of(found) if found else None
    return Row(
        metric=name,
        name=names.capital(names.metric(name, own)),
        score=score,
        n=entry.get("n"),
        drawing=mark(scale, score, [metrics["baselines"][rival][name]] if rival else []),
        scale=scale,
        baselines=rivals,
        difference=difference,
        verdict=difference.verdict(entry.get("greater_is_better")) if difference else "",
        main=main,
    )


def _scales(metrics: Mapping[str, Any], entries: Mapping[str, dict[str, Any] | None]) -> dict[str, Scale]:
    """The scale of each metric's drawing; metrics of the same unit share one.

    It spans the intervals and the best baselines only: a weak baseline far below would squeeze the intervals.
    """
    values: dict[str, list[float]] = {}
    for name, entry in entries.items():
        rival = strongest(metrics, name)
        found = [(entry or {}).get(key) for key in ("value", "low", "high")]
        found.append(metrics["baselines"][rival][name] if rival else None)
        values[name] = [value for value in found if value is not None]
    # A metric that is listed as a share but exceeds 1, such as a user's own, gets its own unit.
    units = {
        name: f"own: {name}"
        if names.unit(name) == "share" and any(abs(value) > 1 for value in known)
        else names.unit(name)
        for name, known in values.items()
    }
    together = {
        unit: [value for name in values if units[name] == unit for value in values[name]] for unit in units.values()
    }
    return {name: Scale.over(together[unit]) for name, unit in units.items()}
