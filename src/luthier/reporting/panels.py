"""What a task hands the report as its evidence. The report draws these shapes and knows nothing of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its interval, as a cell of a table.

    Args:
        value: None where the score is not defined.
        low: Lower end of the 95 % interval; None where there is none.
        high: Upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


Cell = str | int | float | Score | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, such as precision, recall and F1 of each class.

    Args:
        title: Heading above the table.
        columns: Names of the columns; the first column names the row. One that begins with `%` holds percentages.
        rows: One cell a column. Texts are set left, numbers right; None reads `not defined`.
        note: A sentence below the heading that says how to read it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each class was taken for each other.

    Args:
        labels: The classes.
        counts: [gold][predicted], in the order of `labels`; the report sorts by size of confusion.
        title: Heading.
        note: A sentence below the heading.
    """

    labels: Sequence[str]
    counts: Sequence[Sequence[int]]
    title: str = "Confusion"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bin:
    """The predictions whose confidence lies in one range.

    Args:
        confidence: Mean confidence, 0 to 1.
        accuracy: Share that is right, 0 to 1.
        count: How many predictions; an empty bin is left out or has 0.
    """

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether the model is right as often as it says.

    Args:
        bins: In the order of confidence.
        error: Expected calibration error, 0 to 1: |confidence - accuracy|, weighted by count.
        title: Heading.
        note: A sentence below the heading.
    """

    bins: Sequence[Bin]
    error: float
    title: str = "Calibration"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Predicted against true numbers.

    Args:
        gold: [n]
        predicted: [n]
        unit: Unit of both, or empty.
        title: Heading.
        note: A sentence below the heading.
    """

    gold: Sequence[float]
    predicted: Sequence[float]
    unit: str = ""
    title: str = "Predicted against true"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values fall into ranges.

    Args:
        edges: [n + 1], rising
        counts: [n]
        title: Heading.
        unit: What the values count or measure: the name of the x axis.
        note: A sentence below the heading.
    """

    edges: Sequence[float]
    counts: Sequence[int]
    title: str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One evaluated row.

    Args:
        texts: (name of the column or role, text) of each input text, whole: the report folds long ones.
        gold: True label; several labels as a sequence; a number as it shall be read.
        prediction: As `gold`.
        score: Confidence of the prediction (0 to 1), or size of the error of a number; None where there is none.
        source: Source of the row.
        row: 1-based number of the row in its source.
    """

    texts: Sequence[tuple[str, str]]
    gold: str | Sequence[str]
    prediction: str | Sequence[str]
    score: float | None
    source: str
    row: int


@dataclass(frozen=True, slots=True)
class Examples:
    """Evaluated rows to look at, such as the most confident errors. The report can filter them by class.

    Args:
        examples: In the order to show: most confident error first. At most a hundred or so.
        total: How many such rows there are in all; the report says how many it shows.
        title: Heading.
        score_name: What `Example.score` is: `confidence`, `error`.
        note: A sentence below the heading.
    """

    examples: Sequence[Example]
    total: int
    title: str = "Most confident errors"
    score_name: str = "confidence"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of a text that is marked, such as an entity or an answer.

    Args:
        start: First character.
        end: The first one behind it.
        kind: Whether it is right, predicted, or both at once.
        label: What it is marked as; empty where there is only one kind of mark.
    """

    start: int
    end: int
    kind: Literal["gold", "predicted", "both"]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One evaluated row whose answer is text: what was asked, what is right, and what the model said.

    Args:
        texts: (name of the role, text) of each input, whole.
        gold: The right answers; none where there is none.
        prediction: What the model said, white space and all; empty for nothing.
        score: What `SideBySide.score_name` says; None where there is none.
        source: Source of the row.
        row: 1-based number of the row in its source.
        marks: Pieces of the last of `texts`. They may overlap, and one that is right may also be predicted.
    """

    texts: Sequence[tuple[str, str]]
    gold: Sequence[str]
    prediction: str
    score: float | None
    source: str
    row: int
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Answers of the model beside the right ones, to be read.

    Args:
        pairs: In the order to show. At most a hundred or so.
        total: How many such rows there are in all.
        title: Heading.
        score_name: What `Pair.score` is, such as `confidence` or `F1`.
        note: A sentence below the heading.
        nothing: What an empty answer reads.
    """

    pairs: Sequence[Pair]
    total: int
    title: str
    score_name: str = ""
    note: str = ""
    nothing: str = "no answer"


@dataclass(frozen=True, slots=True)
class Series:
    """How something that was written changed while training went on.

    Args:
        title: Heading; series of one title that follow one another stand under one heading.
        steps: Optimizer step of each text.
        texts: What was written then.
        asked: What it was written to.
        note: A sentence below the heading.
    """

    title: str
    steps: Sequence[int]
    texts: Sequence[str]
    asked: str = ""
    note: str = ""


Panel = Table | Confusion | Reliability | Scatter | Histogram | Examples | SideBySide | Series
