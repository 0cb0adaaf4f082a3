"""The table of scores: each metric with its interval, the baselines, and the difference to each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luthier.report import names
from luthier.report.headline import main_metric, strongest
from luthier.report.intervals import Mark, Scale, mark
from luthier.report.panels import Score


@dataclass(frozen=True, slots=True)
class Row:
    """One metric.

    Args:
        name: In words.
        score: Of the model.
        drawing: The interval, with a tick for the baseline that is hardest to beat.
        baselines: Score of each baseline, in the order of the heads.
        difference: Model minus the baseline that is hardest to beat.
        verdict: `larger than chance`, `could be chance` or `worse`; empty where nobody tested.
        main: It ranks models.
    """

    name: str
    score: Score
    drawing: Mark | None
    baselines: tuple[float | None, ...]
    difference: Score | None
    verdict: str
    main: bool


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """All metrics of a run.

    Args:
        baselines: Heads of the columns of baselines.
        rows: The metric that ranks models first.
        scale: Of the drawings; None where the metrics do not share one.
    """

    baselines: tuple[str, ...]
    rows: tuple[Row, ...]
    scale: Scale | None


def score_table(metrics: Mapping[str, Any]) -> ScoreTable | None:
    """The table of `metrics.json`; None while there is none."""
    entries: Mapping[str, dict[str, Any] | None] = metrics.get("metrics") or {}
    if not entries:
        return None
    best, _ = main_metric(metrics)
    baselines = metrics.get("baselines") or {}
    ordered = sorted(entries, key=lambda name: name != best)
    scale = _scale(metrics, entries)
    rows = tuple(_row(metrics, name, entries[name] or {}, scale, main=name == best) for name in ordered)
    return ScoreTable(tuple(names.baseline_head(name) for name in baselines), rows, scale)


def _row(metrics: Mapping[str, Any], name: str, entry: Mapping[str, Any], scale: Scale | None, *, main: bool) -> Row:
    score = Score(entry.get("value"), entry.get("low"), entry.get("high"))
    rivals = tuple((scores or {}).get(name) for scores in (metrics.get("baselines") or {}).values())
    rival = strongest(metrics, name)
    found = ((metrics.get("differences") or {}).get(rival) or {}).get(name)
    difference = Score(found.get("value"), found.get("low"), found.get("high")) if found else None
    sign = 1 if names.greater_is_better(name, dict(entry)) else -1
    return Row(
        name=names.capital(names.metric(name)),
        score=score,
        drawing=mark(scale, score, [metrics["baselines"][rival][name]] if rival else []) if scale else None,
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


def _scale(metrics: Mapping[str, Any], entries: Mapping[str, dict[str, Any] | None]) -> Scale | None:
    """One scale for all metrics where they are shares or correlations; none where their units differ.

    It spans the intervals and the best baselines: a majority class far below would leave no room to see anything.
    """
    values: list[float | None] = []
    for name, entry in entries.items():
        if entry:
            values += [entry.get("value"), entry.get("low"), entry.get("high")]
        if rival := strongest(metrics, name):
            values.append(metrics["baselines"][rival][name])
    known = [value for value in values if value is not None]
    return Scale.over(known) if known and all(-1 <= value <= 1 for value in known) else None
