"""The page that `luthier compare` writes: runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.learning_curves.plot import ORDER, Figure, Line, picture, unit_of
from luthier.learning_curves.record import Series
from luthier.reporting import names
from luthier.reporting.drawing.intervals import Mark, Scale, mark
from luthier.reporting.panels import Score
from luthier.reporting.render import render
from luthier.storage.atomic import write_text

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Curves that are drawn as a smoothed line, since each point is one step.
_PER_STEP = ("train/loss", "train/grad_norm", "train/tokens_per_second")
_UNITS = {"train/loss": "loss (nats)", "eval/loss": "loss (nats)"}
_LEFT_OUT = ("train/learning_rate", "train/tokens_per_second", "train/grad_norm")


@dataclass(frozen=True, slots=True)
class Contender:
    """A run in the comparison.

    Args:
        key: Short name on this page: a letter, or a number from the 27th run on.
        name: The run's name.
        place: Position, from 0; it decides which of the four colours the run has.
    """

    key: str
    name: str
    place: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One run on one metric.

    Args:
        contender: The run.
        score: Its score; None where it has none.
        n: Number of examples.
        drawing: Drawing of the interval.
        difference: This run minus the first; None where it was not tested.
        verdict: Of the difference; see `panels.Score.verdict`.
    """

    contender: Contender
    score: Score | None
    n: int | None
    drawing: Mark | None
    difference: Score | None
    verdict: str


@dataclass(frozen=True, slots=True)
class MetricTable:
    """All runs on one metric.

    Args:
        metric: Key in `metrics.json`.
        words: Display name within a sentence.
        scale: Scale of the drawings.
        entries: One for each run, in order.
    """

    metric: str
    words: str
    scale: Scale
    entries: tuple[Entry, ...]


def write_comparison(path: Path, comparison: Mapping[str, Any]) -> Path:
    """Write the page that compares runs.

    Args:
        path: The file.
        comparison: `runs` [name]; `metrics` {metric: {run: {value, low, high, n}}}; `differences` {metric: {run:
            {value, low, high}}} to the first run, where it was tested; `notes` [why it was not]; `recipes`
            {key: {run: value}}; `seeds` {run: [seed]}; `remarks` [what they can show]; `curves` {run: {name: Series}};
            `words` {metric: what the task calls it}.
    Returns:
        The file.
    Raises:
        ResourceError: It cannot be written.
    """
    contenders = _contenders(comparison["runs"])
    curves = _figures(comparison.get("curves") or {}, contenders)
    tables = [_table(metric, comparison, contenders) for metric in comparison.get("metrics") or {}]
    page = render(
        "comparison.html",
        charts=bool(curves),
        headline=_headline(tables),
        contenders=contenders,
        tables=tables,
        notes=comparison.get("notes") or [],
        remarks=comparison.get("remarks") or [],
        several=any(len(seeds) > 1 for seeds in (comparison.get("seeds") or {}).values()),
        recipes=_recipes(comparison.get("recipes") or {}, contenders),
        curves=curves,
    )
    write_text(path, page)
    return path


def _contenders(runs: Sequence[str]) -> list[Contender]:
    keys = [_LETTERS[i] if i < len(_LETTERS) else str(i + 1) for i in range(len(runs))]
    return [Contender(key, name, i) for i, (key, name) in enumerate(zip(keys, runs, strict=True))]


def _table(metric: str, comparison: Mapping[str, Any], contenders: Sequence[Contender]) -> MetricTable:
    scores: Mapping[str, Mapping[str, Any] | None] = comparison["metrics"][metric]
    tested: Mapping[str, Any] = (comparison.get("differences") or {}).get(metric) or {}
    found = [scores.get(contender.name) or {} for contender in contenders]
    scale = Scale.over(entry.get(key) for entry in found for key in ("value", "low", "high"))
    entries = tuple(
        _entry(metric, contender, entry, tested.get(contender.name) or {}, scale)
        for contender, entry in zip(contenders, found, strict=True)
    )
    return MetricTable(metric, names.metric(metric, comparison.get("words") or {}), scale, entries)


def _entry(
    metric: str, contender: Contender, found: Mapping[str, Any], tested: Mapping[str, Any], scale: Scale
) -> Entry:
    score = Score.of(found) if found else None
    difference = Score.of(tested) if "value" in tested else None
    return Entry(
        contender=contender,
        score=score,
        n=found.get("n"),
        drawing=mark(scale, score) if score else None,
        difference=difference,
        verdict=difference.verdict(found.get("greater_is_better")) if difference else "",
    )


def _headline(tables: Sequence[MetricTable]) -> str:
    """Which runs differ significantly from the first on the first metric."""
    if not tables:
        return "These runs have no metric in common."
    table = tables[0]
    first = table.entries[0].contender.key
    words = [
        f"{entry.contender.key} {_ANSWERS[entry.verdict]} {first} by "
        f"{names.score(table.metric, abs(entry.difference.value), *_ends(entry.difference))}"
        for entry in table.entries[1:]
        if entry.difference is not None and entry.difference.value is not None and entry.verdict in _ANSWERS
    ]
    if words:
        return f"On {table.words}, {', '.join(words)}: significant (95 %)."
    if any(entry.verdict for entry in table.entries):
        return f"On {table.words}, no run differs significantly (95 %) from {first}."
    return f"On {table.words}, the differences were not tested for significance."


_ANSWERS = {"significantly better": "beats", "significantly worse": "is behind", "significant": "differs from"}


def _ends(score: Score) -> tuple[float | None, float | None]:
    if score.low is None or score.high is None:
        return None, None
    low, high = sorted((abs(score.low), abs(score.high)))
    return low, high


def _recipes(recipes: Mapping[str, Mapping[str, Any]], contenders: Sequence[Contender]) -> list[tuple[str, list[str]]]:
    return [(key, [_value(values.get(contender.name)) for contender in contenders]) for key, values in recipes.items()]


def _value(value: Any) -> str:
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _figures(curves: Mapping[str, Mapping[str, Series]], contenders: Sequence[Contender]) -> list[Figure]:
    """One chart for each curve that has more than a single point, with every run in it."""
    found = dict.fromkeys(
        name
        for several in curves.values()
        for name, series in several.items()
        if name not in _LEFT_OUT and len(series.steps) > 1
    )
    # Evaluation first: runs are compared by it.
    ordered = sorted(found, key=lambda name: (name.startswith("train/"), name != "eval/loss"))
    return [_figure(name, curves, contenders) for name in ordered]


def _figure(name: str, curves: Mapping[str, Mapping[str, Series]], contenders: Sequence[Contender]) -> Figure:
    lines = [
        Line(contender.key, curves[contender.name][name], ORDER[contender.place % len(ORDER)], smooth=name in _PER_STEP)
        for contender in contenders
        if name in curves.get(contender.name, {})
    ]
    kind, _, leaf = name.partition("/")
    title = f"{'Evaluation' if kind == 'eval' else 'Training'} {names.metric(leaf)}"
    return picture(title, lines, unit=_UNITS.get(name) or unit_of(leaf), wide=True)
