"""The first sentence of a report: the verdict on the model, or how far the run is."""

from dataclasses import replace

from luthier import text
from luthier.learning_curves.advice import advise
from luthier.reporting import names
from luthier.reporting.content import Content
from luthier.reporting.verdict import Headline, verdict


def headline(content: Content) -> Headline:
    """The headline of a run, finished or not."""
    if not content.metrics:
        return Headline(_not_yet(content), (), "open")
    found = verdict(content.metrics, content.words.metrics)
    return replace(found, advice=advise(content.run, content.curves)) if found.tone == "bad" else found


def _not_yet(content: Content) -> str:
    step = max((series.steps[-1] for series in content.curves.values() if series.steps), default=0)
    where = f"at step {text.count(step)}" if step else "before its first step"
    if content.state == "running":
        return f"The run is still training: it is {where}{_latest(content)}."
    if content.state == "done":
        return f"The run is complete but has no score: no rows were held out{_latest(content)}."
    return f"The run stopped {where} and has no final score{_latest(content)}."


def _latest(content: Content) -> str:
    name = content.recipe.evaluation.metric_for_best
    curves = {key.removeprefix("eval/"): series for key, series in content.curves.items() if key.startswith("eval/")}
    name = name if name in curves else next((key for key in curves if key != "loss"), next(iter(curves), None))
    if name is None:
        return ""
    series = curves[name]
    value, step = names.number(name, series.values[-1]), text.count(series.steps[-1])
    return f"; {names.metric(name, content.words.metrics)} was {value} on the validation rows at step {step}"
