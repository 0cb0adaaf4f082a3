"""Prepare panels for the page, limited to a readable size; the page says how many items are not shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from luthier import text
from luthier.reporting.drawing import answers, charts, passages
from luthier.reporting.drawing.confusions import arrange
from luthier.reporting.drawing.intervals import mark, table_scale
from luthier.reporting.drawing.passages import Passage, passage, place
from luthier.reporting.panels import (
    Confusion,
    Example,
    Examples,
    Histogram,
    Panel,
    Reliability,
    Scatter,
    Score,
    Series,
    SideBySide,
    Table,
    Tradeoff,
)

MOST_EXAMPLES = 100


@dataclass(frozen=True, slots=True)
class Block:
    """One panel, or several series under one heading, prepared for the page.

    Args:
        kind: Selects the macro of `panels.html` that draws it.
        title: Heading.
        note: A sentence below the heading.
        body: Data that the macro draws.
    """

    kind: str
    title: str
    note: str
    body: Any


@dataclass(frozen=True, slots=True)
class Card:
    """One example.

    Args:
        passages: Its texts.
        gold: True labels.
        prediction: Predicted labels.
        gold_places: Indices of the true labels in `Cards.labels`.
        prediction_places: Indices of the predicted labels in `Cards.labels`.
        score: Score as the page prints it; empty where there is none.
        source: Source of the row.
        row: 1-based number of the row in its source.
    """

    passages: tuple[Passage, ...]
    gold: tuple[str, ...]
    prediction: tuple[str, ...]
    gold_places: tuple[int, ...]
    prediction_places: tuple[int, ...]
    score: str
    source: str
    row: int


@dataclass(frozen=True, slots=True)
class Cards:
    """Examples with the labels to filter them by."""

    cards: tuple[Card, ...]
    labels: tuple[str, ...]
    total: int
    score_name: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with a drawing next to each score.

    Args:
        columns: Headings.
        rows: (cell, drawing) pairs; the drawing is None for other cells.
        numeric: Whether each column holds numbers.
        digits: Decimals of the numbers in each column.
        scale: Scale of the drawings; None where nothing is drawn.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[Any, Any], ...], ...]
    numeric: tuple[bool, ...]
    digits: tuple[int, ...]
    scale: Any


def blocks(panels: Sequence[Panel]) -> list[Block]:
    """Prepare panels for the page; consecutive series with the same title share a heading."""
    found: list[Block] = []
    for panel in panels:
        drawn, before = block(panel), found[-1] if found else None
        if before and before.kind == drawn.kind == "series" and before.title == drawn.title:
            found[-1] = replace(before, body=before.body + drawn.body)
        else:
            found.append(drawn)
    return found


def block(panel: Panel) -> Block:
    """Prepare a panel for the page."""
    match panel:
        case Table():
            return Block("table", panel.title, panel.note, _grid(panel))
        case Confusion():
            return Block("confusion", panel.title, panel.note, arrange(panel))
        case Examples():
            return Block("examples", panel.title, panel.note, _cards(panel))
        case SideBySide():
            return Block("answers", panel.title, panel.note, answers.duels(panel))
        case Series():
            return Block("series", panel.title, panel.note, (answers.strand(panel),))
        case Reliability():
            return Block("figure", panel.title, panel.note, charts.reliability(panel))
        case Tradeoff():
            return Block("figure", panel.title, panel.note, charts.tradeoff(panel))
        case Scatter():
            return Block("figure", panel.title, panel.note, charts.scatter(panel))
        case Histogram():
            return Block("figure", panel.title, "", charts.histogram(panel))


def _grid(panel: Table) -> Grid:
    scale = table_scale(panel.rows)
    rows = tuple(
        tuple((cell, mark(scale, cell) if scale and isinstance(cell, Score) else None) for cell in row)
        for row in panel.rows
    )
    numeric = tuple(
        any(row[i] is not None and not isinstance(row[i], str) for row in panel.rows) for i in range(len(panel.columns))
    )
    digits = tuple(1 if column.startswith("%") else 3 for column in panel.columns)
    return Grid(tuple(panel.columns), rows, numeric, digits, scale)


def _cards(panel: Examples) -> Cards:
    shown = panel.examples[:MOST_EXAMPLES]
    longest = passages.room(sum(len(example.texts) for example in shown))
    labels = sorted({label for example in shown for label in (*_labels(example.gold), *_labels(example.prediction))})
    places = {label: i for i, label in enumerate(labels)}
    cards = tuple(_card(example, places, longest) for example in shown)
    classes = () if len(labels) < 2 or _are_measurements(labels) else tuple(labels)
    return Cards(cards, classes, max(panel.total, len(panel.examples)), panel.score_name)


def _card(example: Example, places: dict[str, int], longest: int) -> Card:
    gold, prediction = _labels(example.gold), _labels(example.prediction)
    return Card(
        passages=tuple(passage(name, whole, longest) for name, whole in example.texts),
        gold=gold,
        prediction=prediction,
        gold_places=tuple(places[label] for label in gold),
        prediction_places=tuple(places[label] for label in prediction),
        score="" if example.score is None else text.amount(example.score),
        source=place(example.source),
        row=example.row,
    )


def _are_measurements(labels: Sequence[str]) -> bool:
    """Whether labels are continuous numbers, which are useless as a filter: nearly every value is unique."""
    return any("." in label for label in labels) and all(_is_number(label) for label in labels)


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _labels(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
