"""Prepare text answers for the page: next to the reference answers, and as they changed during training."""

from collections.abc import Sequence
from dataclasses import dataclass

from luthier import text
from luthier.reporting.drawing import passages
from luthier.reporting.drawing.passages import KINDS, Kind, Passage, passage, place
from luthier.reporting.panels import Mark, Pair, Series, SideBySide

MOST_PAIRS = 100
# Maximum number of evaluations shown between the first and the last one.
MOST_BETWEEN = 10
# Limits above which a text of a series is folded: higher than for other texts, because readers compare two of them.
FOLDED_MOMENT, LINES_MOMENT = 1_500, 24


@dataclass(frozen=True, slots=True)
class Duel:
    """One answer of the model next to the reference answers.

    Args:
        asked: Input texts of the row.
        gold: Reference answers.
        prediction: The model's answer; None if it is empty.
        gold_places: Indices in `Duels.labels` of the labels marked in the reference.
        prediction_places: Indices of the labels marked in the prediction.
        score: Score as the page prints it; empty where there is none.
        source: Source of the row.
        row: 1-based number of the row in its source.
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
    """Answers with the labels to filter them by.

    Args:
        duels: Answers in display order.
        kinds: Kinds of marks that occur, for the legend.
        labels: Labels of the marks, sorted; empty if there are fewer than two.
        total: Number of such rows, shown or not.
        score_name: Name of the scores.
        nothing: Text shown for an empty answer.
    """

    duels: tuple[Duel, ...]
    kinds: tuple[Kind, ...]
    labels: tuple[str, ...]
    total: int
    score_name: str
    nothing: str


@dataclass(frozen=True, slots=True)
class Moment:
    """The text generated at one step; None if it is empty."""

    step: int
    text: Passage | None


@dataclass(frozen=True, slots=True)
class Strand:
    """Texts generated for one prompt during training.

    Args:
        asked: The prompt; None where there was none.
        first: First text; None if there is only one.
        between: Texts between the first and the last that are shown.
        last: Last text.
        skipped: Number of texts between that are not shown.
    """

    asked: Passage | None
    first: Moment | None
    between: tuple[Moment, ...]
    last: Moment
    skipped: int


def duels(panel: SideBySide) -> Duels:
    """Prepare the first `MOST_PAIRS` pairs of a panel for the page."""
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
    """Prepare a series for the page.

    Args:
        panel: Series with at least one text.
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
        gold=tuple(passage("reference", answer, longest) for answer in dict.fromkeys(pair.gold) if answer),
        prediction=passage("model", pair.prediction, longest) if pair.prediction else None,
        gold_places=_places(pair.marks, places, "gold"),
        prediction_places=_places(pair.marks, places, "predicted"),
        score="" if pair.score is None else text.number(pair.score),
        source=place(pair.source),
        row=pair.row,
    )


def _places(marks: Sequence[Mark], places: dict[str, int], kind: Kind) -> tuple[int, ...]:
    return tuple(sorted({places[mark.label] for mark in marks if mark.label and mark.kind in (kind, "both")}))
