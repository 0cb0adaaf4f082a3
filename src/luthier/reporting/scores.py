"""The table of scores: each metric with its interval, the baselines, and the difference to each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luthier.reporting import names
from luthier.reporting.drawing.intervals import Mark, Scale, mark
from luthier.reporting.headline import main_metric, strongest
from luthier.reporting.panels import Score


@dataclass(frozen=True, slots=True)
class Row:
    """One metric.

    Args:
        metric: As it is written.
        name: In words.
        score: Of the model.
        drawing: The interval, with a tick for the baseline that is hardest to beat.
        scale: Of the drawing.
        baselines: Score of each baseline, in the order of the heads; None for one that has no such score.
        difference: Model minus the baseline that is hardest to beat.
        verdict: `larger than chance`, `could be chance` or `worse`; empty where nobody tested.
        main: It ranks models.
    """

    metric: str
    name: str
    score: Score
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
        baselines: Heads of the columns of baselines.
        rows: The metric that ranks models first.
        scale: Of the drawings; None where the metrics do not share one, and each drawing says its own.
    """

    baselines: tuple[str, ...]
    rows: tuple[Row, ...]
    scale: Scale | None


def score_table(metrics: Mapping[str, Any], own: Mapping[str, str]) -> ScoreTable | None:
    """The table of `metrics.json`; None while there is none.

    Args:
        metrics: `metrics.json`.
        own: What the task calls its metrics, where that differs.
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
    return ScoreTable(tuple(names.baseline_head(name) for name in baselines), rows, shared)


def _row(
    metrics: Mapping[str, Any],
    name: str,
    entry: Mapping[str, Any],
    scale: Scale,
    own: Mapping[str, str],
    *,
    main: bool,
) -> Row:
    score = Score(entry.get("value"), entry.get("low"), entry.get("high"))
    known = [scores or {} for scores in (metrics.get("baselines") or {}).values()]
    rivals = tuple(Score(scores[name]) if name in scores else None for scores in known)
    rival = strongest(metrics, name)
    found = ((metrics.get("differences") or {}).get(rival) or {}).get(name)
    difference = Score(found.get("value"), found.get("low"), found.get("high")) if found else None
    sign = 1 if entry.get("greater_is_better") else -1
    return Row(
        metric=name,
        name=names.capital(names.metric(name, own)),
        score=score,
        drawing=mark(scale, score, [metrics["baselines"][rival][name]] if rival else []),
        scale=scale,
        baselines=rivals,
        difference=difference,
        verdict=_verdict(difference, sign),
        main=main,
    )


def _verdict(difference: Score | None, sign: int) -> str:
    if difference is None or difference.low is None or difference.high is None:
        return ""
    low, high = sorted((sign * difference.low, sign * difference.high))
    return "larger than chance" if low > 0 else "worse" if high < 0 else "could be chance"


def _scales(metrics: Mapping[str, Any], entries: Mapping[str, dict[str, Any] | None]) -> dict[str, Scale]:
    """The scale of each metric's drawing, which metrics of one unit share.

    It spans the intervals and the best baselines: a majority class far below would leave no room to see anything.
    """
    values: dict[str, list[float]] = {}
    for name, entry in entries.items():
        rival = strongest(metrics, name)
        found = [(entry or {}).get(key) for key in ("value", "low", "high")]
        found.append(metrics["baselines"][rival][name] if rival else None)
        values[name] = [value for value in found if value is not None]
    # What is counted among the shares and is none, such as a metric of somebody's own, has a unit of its own.
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
