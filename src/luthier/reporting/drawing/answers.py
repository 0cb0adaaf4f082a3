"""Answers that are texts, made ready for the page: beside the right ones, and as they changed with the steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from luthier import text
from luthier.reporting.drawing import passages
from luthier.reporting.drawing.passages import KINDS, Kind, Passage, passage, place
from luthier.reporting.panels import Mark, Pair, Series, SideBySide

MOST_PAIRS = 100
# Of the evaluations between the first and the last one.
MOST_BETWEEN = 10
# A text of a series is folded later than others: two of them are to be compared.
FOLDED_MOMENT, LINES_MOMENT = 1_500, 24


@dataclass(frozen=True, slots=True)
class Duel:
    """One answer beside the right ones.

    Args:
        asked: The texts of the row.
        gold: Right answers.
        prediction: The model's; None for an empty one.
        gold_places: Places in `Duels.labels` of what is marked as right.
        prediction_places: Places of what is marked as predicted.
        score: As the page prints it; empty where there is none.
        source: Where the row comes from.
        row: Its number there.
    """

    asked: tuple[Passage, ...]
    gold: tuple[Passage, ...]
    prediction: Passage | None
    gold_places: tuple[int, ...]
    prediction_places: tuple[int, ...]
    score: str
    source: str
    row: int


@dataclass(frozen=True, slots=True)
class Duels:
    """Answers and what they can be filtered by.

    Args:
        duels: In the order to show.
        kinds: Of marks that there are, to be explained.
        labels: Of the marks, sorted.
        total: How many such rows there are.
        score_name: What the scores are.
        nothing: What an empty answer reads.
    """

    duels: tuple[Duel, ...]
    kinds: tuple[Kind, ...]
    labels: tuple[str, ...]
    total: int
    score_name: str
    nothing: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What was written at one step; None for nothing."""

    step: int
    text: Passage | None


@dataclass(frozen=True, slots=True)
class Strand:
    """What was written to one prompt over the steps.

    Args:
        asked: The prompt; None where there was none.
        first: The first text; None where there is but one.
        between: Those between, or as many of them as are shown.
        last: The last one.
        skipped: How many between are not shown.
    """

    asked: Passage | None
    first: Moment | None
    between: tuple[Moment, ...]
    last: Moment
    skipped: int


def duels(panel: SideBySide) -> Duels:
    """The panel's pairs, as many as a page shows."""
    shown = panel.pairs[:MOST_PAIRS]
    longest = passages.room(sum(len(pair.texts) + len(pair.gold) + 1 for pair in shown))
    labels = sorted({mark.label for pair in shown for mark in pair.marks if mark.label})
    places = {label: i for i, label in enumerate(labels)}
    found = tuple(_duel(pair, places, longest) for pair in shown)
    used = {kind for duel in found for text in duel.asked for piece in text.whole for kind in piece.kinds}
    return Duels(
        duels=found,
        kinds=tuple(kind for kind in KINDS if kind in used),
        labels=tuple(labels) if len(labels) > 1 else (),
        total=max(panel.total, len(panel.pairs)),
        score_name=panel.score_name,
        nothing=panel.nothing,
    )


def strand(panel: Series) -> Strand:
    """A series as the page draws it.

    Args:
        panel: With one text or more.
    """
    longest = passages.room(1 + len(panel.texts))
    moments = [
        Moment(step, passage("", written, longest, folded=FOLDED_MOMENT, lines=LINES_MOMENT) if written else None)
        for step, written in sorted(zip(panel.steps, panel.texts, strict=True), key=lambda pair: pair[0])
    ]
    between = moments[1:-1]
    every = max(1, -(-len(between) // MOST_BETWEEN))
    shown = tuple(between[::every])
    return Strand(
        asked=passage("asked", panel.asked, longest) if panel.asked else None,
        first=moments[0] if len(moments) > 1 else None,
        between=shown,
        last=moments[-1],
        skipped=len(between) - len(shown),
    )


def _duel(pair: Pair, places: dict[str, int], longest: int) -> Duel:
    last = len(pair.texts) - 1
    return Duel(
        asked=tuple(
            passage(name, whole, longest, pair.marks if i == last else ()) for i, (name, whole) in enumerate(pair.texts)
        ),
        gold=tuple(passage("right", answer, longest) for answer in dict.fromkeys(pair.gold) if answer),
        prediction=passage("model", pair.prediction, longest) if pair.prediction else None,
        gold_places=_places(pair.marks, places, "gold"),
        prediction_places=_places(pair.marks, places, "predicted"),
        score="" if pair.score is None else text.number(pair.score),
        source=place(pair.source),
        row=pair.row,
    )


def _places(marks: Sequence[Mark], places: dict[str, int], kind: Kind) -> tuple[int, ...]:
    return tuple(sorted({places[mark.label] for mark in marks if mark.label and mark.kind in (kind, "both")}))
