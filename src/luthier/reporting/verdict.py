"""The verdict on a model: the score, the rows it was measured on, and whether it beats a simple baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from luthier import text
from luthier.reporting import names
from luthier.reporting.panels import Score

if TYPE_CHECKING:
    from luthier.learning_curves.advice import Advice

Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True, slots=True)
class Headline:
    """The headline of a page.

    Args:
        sentence: The result in one sentence.
        notes: Further remarks, a sentence each.
        tone: `good` where the model is significantly better than the baseline, `bad` where it is not, `open` where
            this was not tested.
        advice: What to try where the tone is `bad`; None without evidence.
    """

    sentence: str
    notes: tuple[str, ...]
    tone: Tone
    advice: "Advice | None" = None


def verdict(metrics: Mapping[str, Any], own: Mapping[str, str]) -> Headline:
    """The verdict of `metrics.json`, or of what `--json` prints.

    Args:
        metrics: With at least one metric.
        own: The task's display names of metrics, where they differ from the common ones.
    """
    name, entry = main_metric(metrics)
    notes = (*_split_notes(entry or metrics), *all_rows_note(metrics, own))
    if entry is None or entry.get("value") is None:
        sentence = f"{names.metric(name, own)} is not defined on these {_rows(metrics, entry)}."
        return Headline(names.capital(sentence), notes, "open")
    judgements = _judgements(metrics, name, own)
    # A metric that does not beat its baseline comes first.
    first = next((judged for judged in judgements if judged.tone == "bad"), judgements[0])
    others = [judged.sentence for judged in judgements if judged is not first]
    return Headline(first.sentence, (*others, *notes), first.tone)


def than(says: str, baseline: str) -> str:
    """What a verdict of `Score.verdict` says of a baseline: `not significantly better than TF-IDF`."""
    words = "not significantly better" if says == "not significant" else says
    return f"{words} than {names.baseline(baseline)}"


def all_rows_note(metrics: Mapping[str, Any], own: Mapping[str, str]) -> tuple[str, ...]:
    """The main score on all rows, if the headline leaves out rows whose text is also in training."""
    name, entry = main_metric(metrics)
    found = (metrics.get("all_rows") or {}).get(name)
    if not found or not entry:
        return ()
    value = names.scored(name, found)
    left = text.plural(found["n"] - entry["n"], "row")
    what = names.capital(names.metric(name, own))
    return (
        f"{what} on all {text.count(found['n'])} {entry.get('split', 'test')} rows, including {left} with a text that "
        f"is also in training: {value}. Compare this score with published ones.",
    )


def main_metric(metrics: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """The metric that ranks models, and its entry in `metrics.json` (None where it is not defined).

    Where the evaluation loss picks the step, and the task does not score it, this is the first metric.
    """
    scores = metrics.get("metrics") or {}
    name = metrics.get("metric_for_best")
    if not name or (name == "loss" and name not in scores):
        name = next(iter(scores), name or "score")
    return name, scores.get(name)


def strongest(metrics: Mapping[str, Any], name: str) -> str | None:
    """The best baseline on a metric; None if there is none or the metric's direction is unknown."""
    entry = (metrics.get("metrics") or {}).get(name) or {}
    if entry.get("greater_is_better") is None:
        return None
    values = {
        baseline: scores[name]
        for baseline, scores in (metrics.get("baselines") or {}).items()
        if scores and scores.get(name) is not None and (baseline, name) not in _NO_RIVALS
    }
    best = max if entry["greater_is_better"] else min
    return best(values, key=lambda baseline: values[baseline], default=None)


# Always predicting one class has a recall of 1 for this class, or no precision at all: there is nothing to beat.
_NO_RIVALS = {("majority", "recall"), ("majority", "precision")}


@dataclass(frozen=True, slots=True)
class _Judgement:
    """The verdict on one metric against one baseline."""

    sentence: str
    tone: Tone


def _judgements(metrics: Mapping[str, Any], name: str, own: Mapping[str, str]) -> list[_Judgement]:
    """The main metric against its best baseline; a baseline without it is compared on the first metric it has."""
    scores, baselines = metrics["metrics"], metrics.get("baselines") or {}
    rival = strongest(metrics, name)
    found = [_judged(metrics, name, rival, own)] if rival else []
    left = {baseline: known for baseline, known in baselines.items() if known and known.get(name) is None}
    for metric, entry in scores.items():
        having = {baseline: known for baseline, known in left.items() if known.get(metric) is not None}
        if having and entry and entry.get("value") is not None:
            other = strongest({**metrics, "baselines": having}, metric)
            found += [_judged(metrics, metric, other, own)] if other else []
            left = {baseline: known for baseline, known in left.items() if baseline not in having}
    if not rival:
        end = "." if found else "; there is no baseline to compare it with."
        found.append(_Judgement(names.capital(_measured(metrics, name, own)) + end, "open"))
    return found


def _judged(metrics: Mapping[str, Any], name: str, rival: str, own: Mapping[str, str]) -> _Judgement:
    entry = metrics["metrics"][name]
    metric, value, other = names.metric(name, own), _value(metrics, name), names.baseline(rival)
    what = f"{metric} {value}"
    other_value = names.number(name, metrics["baselines"][rival][name])
    difference = ((metrics.get("differences") or {}).get(rival) or {}).get(name)
    if not difference or difference.get("value") is None or difference.get("low") is None:
        sentence = f"{what}, against {other_value} for {other}; the difference was not tested."
        return _Judgement(names.capital(sentence), "open")
    low, high, greater = difference["low"], difference["high"], entry["greater_is_better"]
    verdict = Score(difference["value"], low, high).verdict(greater)
    if verdict == "significantly better":
        size = names.score(name, abs(difference["value"]), *sorted((abs(low), abs(high))))
        side = "above" if greater else "below"
        return _Judgement(names.capital(f"{what}, {size} {side} {other}: significant (95 %)."), "good")
    apart = f", a difference of {names.score(name, difference['value'], low, high)}"
    no_gain = f"; {'fine-tuning' if rival in _SAME_MODEL else 'training this model'} did not pay off in this run"
    if low == high == 0:
        begin, apart = f"Exactly as good as {other}: {what}", ""
    elif verdict == "significantly worse":
        begin = f"{names.capital(other)} is significantly better: {metric} {other_value} against this model's {value}"
    elif difference["value"] == 0 or (difference["value"] > 0) != greater:
        begin = f"Not better than {other}: {what} against {other_value}"
    else:
        begin, no_gain = f"{names.capital(than(verdict, rival))}: {what} against {other_value}", ""
    return _Judgement(f"{begin}{apart}{no_gain}.", "bad")


_SAME_MODEL = {"probe", "untuned"}  # baselines that are the model without fine-tuning


def _measured(metrics: Mapping[str, Any], name: str, own: Mapping[str, str]) -> str:
    """A metric with its value, its interval and the rows it was measured on."""
    return f"{names.metric(name, own)} {_value(metrics, name)}"


def _value(metrics: Mapping[str, Any], name: str) -> str:
    entry = metrics["metrics"][name]
    value = names.scored(name, entry)
    return f"{value} on {_rows(metrics, entry)}"


def _rows(metrics: Mapping[str, Any], entry: Mapping[str, Any] | None) -> str:
    split = (entry or {}).get("split") or metrics.get("split") or "test"
    n = (entry or {}).get("n")
    return text.plural(n, f"{split} row") if n is not None else f"{split} rows"


def _split_notes(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    if metrics.get("split") != "validation":
        return ()
    return (
        "The score is slightly optimistic: it comes from the validation rows, which also picked the checkpoint. "
        "For an unbiased score, use a test split (data.test_share).",
    )
