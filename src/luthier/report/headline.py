"""The first sentence of a report: what came out, on how much, and whether it beats a simple baseline beyond chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from luthier import text
from luthier.report import names
from luthier.report.content import Content

Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True, slots=True)
class Headline:
    """What a page says first.

    Args:
        sentence: The answer.
        notes: What to know beside it, a sentence each.
        tone: `good` where the model beats the baseline beyond chance, `bad` where it does not, `open` where nobody
            knows.
    """

    sentence: str
    notes: tuple[str, ...]
    tone: Tone


def headline(content: Content) -> Headline:
    """The headline of a run, however far it is."""
    if not content.metrics:
        return Headline(_not_yet(content), (), "open")
    name, entry = main_metric(content.metrics)
    notes = _split_notes(content.metrics)
    if entry is None or entry.get("value") is None:
        sentence = f"{names.capital(names.metric(name))} is not defined on these {_rows(content.metrics, entry)}."
        return Headline(sentence, notes, "open")
    sentence, tone = _judged(content.metrics, name, entry)
    return Headline(sentence, notes, tone)


def main_metric(metrics: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """The metric that ranks models, and its entry in `metrics.json` (None where it is not defined)."""
    scores = metrics.get("metrics") or {}
    name = metrics.get("metric_for_best") or next(iter(scores), "score")
    return name, scores.get(name)


def strongest(metrics: Mapping[str, Any], name: str) -> str | None:
    """The baseline that is hardest to beat on a metric; None where there is none."""
    values = {
        baseline: scores[name]
        for baseline, scores in (metrics.get("baselines") or {}).items()
        if scores and scores.get(name) is not None
    }
    sign = 1 if names.greater_is_better(name, (metrics.get("metrics") or {}).get(name)) else -1
    return max(values, key=lambda baseline: sign * values[baseline], default=None)


def _judged(metrics: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> tuple[str, Tone]:
    what = f"{names.metric(name)} {text.score(entry['value'], entry.get('low'), entry.get('high'))}"
    what = f"{what} on {_rows(metrics, entry)}"
    rival = strongest(metrics, name)
    if rival is None:
        return names.capital(f"{what}; there is no baseline to compare it with."), "open"
    other = names.baseline(rival)
    other_value = metrics["baselines"][rival][name]
    difference = ((metrics.get("differences") or {}).get(rival) or {}).get(name)
    if not difference or difference.get("value") is None or difference.get("low") is None:
        return names.capital(f"{what}, against {text.number(other_value)} of {other}; chance is not ruled out."), "open"
    low, high = difference["low"], difference["high"]
    sign = 1 if names.greater_is_better(name, dict(entry)) else -1
    apart = text.score(difference["value"], low, high)
    if (low if sign > 0 else -high) > 0:
        size = text.score(abs(difference["value"]), *sorted((abs(low), abs(high))))
        side = "above" if sign > 0 else "below"
        return names.capital(f"{what}, {size} {side} {other}: larger than chance."), "good"
    verdict = "worse than" if (high if sign > 0 else -low) < 0 else "not shown to be better than"
    against = f"{what} against {text.number(other_value)}"
    return f"{names.capital(verdict)} {other}: {against}, a difference of {apart}.", "bad"


def _rows(metrics: Mapping[str, Any], entry: Mapping[str, Any] | None) -> str:
    split = (entry or {}).get("split") or metrics.get("split") or "test"
    n = (entry or {}).get("n")
    return text.plural(n, f"{split} row") if n is not None else f"{split} rows"


def _split_notes(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    if metrics.get("split") != "validation":
        return ()
    return (
        "These are the validation rows, which also picked the checkpoint, so the score flatters the model a little. "
        "A test split (data.test_share) would say how much.",
    )


def _not_yet(content: Content) -> str:
    step = max((series.steps[-1] for series in content.curves.values() if series.steps), default=0)
    where = f"at step {text.count(step)}" if step else "before its first step"
    if content.state == "running":
        return f"The run is going on: it is {where}{_latest(content)}."
    return f"The run stopped {where} and has no final score{_latest(content)}."


def _latest(content: Content) -> str:
    name = content.recipe.evaluation.metric_for_best
    curves = {key.removeprefix("eval/"): series for key, series in content.curves.items() if key.startswith("eval/")}
    name = name if name in curves else next((key for key in curves if key != "loss"), None)
    if name is None:
        return ""
    series = curves[name]
    value, step = text.number(series.values[-1]), text.count(series.steps[-1])
    return f"; {names.metric(name)} was {value} on the validation rows at step {step}"
