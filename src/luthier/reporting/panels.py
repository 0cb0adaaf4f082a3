"""Panels: results of a task for its report, which draws them without knowing the task."""

from collections.abc import Mapping, Sequence
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

    @classmethod
    def of(cls, entry: Mapping[str, float | None]) -> "Score":
        """A score or a difference as results hold it."""
        return cls(entry.get("value"), entry.get("low"), entry.get("high"))

    def verdict(self, greater_is_better: bool | None) -> str:
        """Verdict on a difference with this interval, such as `not significant`; empty without an interval.

        Args:
            greater_is_better: The metric's direction; None where it is unknown.
        """
        if self.low is None or self.high is None:
            return ""
        if self.low <= 0 <= self.high:
            return "not significant"
        if greater_is_better is None:
            return "significant"
        return "significantly better" if (self.low > 0) == greater_is_better else "significantly worse"


Cell = str | int | float | Score | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, such as precision, recall and F1 of each class.

    Args:
        title: Heading above the table.
        columns: Headings; the first column names the row. A heading that starts with `%` means percentages.
        rows: One cell per column. Text is left-aligned, numbers right-aligned; None is shown as `not defined`.
        note: A sentence below the heading that says how to read it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Confusion:
    """A confusion matrix: how often each class was predicted as each class.

    Args:
        labels: The classes.
        counts: [gold][predicted], in the order of `labels`; the report shows the most confused classes first.
        title: Heading.
        note: A sentence below the heading.
    """

    labels: Sequence[str]
    counts: Sequence[Sequence[int]]
    title: str = "Confusion"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bin:
    """The predictions with a confidence in one range.

    Args:
        confidence: Mean confidence, 0 to 1.
        accuracy: Share of correct predictions, 0 to 1.
        count: Number of predictions; an empty bin is dropped or has 0.
    """

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Calibration of the model: accuracy by confidence.

    Args:
        bins: Bins in order of confidence.
        error: Expected calibration error, 0 to 1: |confidence - accuracy|, weighted by count.
        title: Heading.
        note: A sentence below the heading.
        before: The same before a temperature was fitted; None if there is none.
    """

    bins: Sequence[Bin]
    error: float
    title: str = "Calibration"
    note: str = ""
    before: "Reliability | None" = None


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """What a threshold gains and costs, such as precision against recall, with the threshold in use.

    Args:
        x: [n] from 0 to 1, in the order of the line.
        y: [n] from 0 to 1.
        names: Names of the two axes.
        chance: The two ends ((x, y), (x, y)) of the line of random scores.
        chosen: Where the threshold in use is, (x, y); None if it is not defined there.
        area: Area under the line, with its interval.
        title: Heading.
        note: A sentence below the heading.
    """

    x: Sequence[float]
    y: Sequence[float]
    names: tuple[str, str]
    chance: tuple[tuple[float, float], tuple[float, float]]
    chosen: tuple[float, float] | None
    area: Score
    title: str
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
    """A histogram: the number of values in each range.

    Args:
        edges: [n + 1], ascending
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
        texts: (name of the column or role, text) of each input, in full: the report folds long texts.
        gold: True label; a sequence for several labels; a number as formatted text.
        prediction: As `gold`.
        score: Confidence of the prediction (0 to 1), or absolute error of a number; None where there is none.
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
    """Evaluated rows to inspect, such as the most confident errors. The report can filter them by class.

    Args:
        examples: Rows in display order, such as most confident error first; the report shows the first 100.
        total: Total number of such rows; the report says how many it shows.
        title: Heading.
        score_name: Name of `Example.score`, such as `confidence` or `error`.
        note: A sentence below the heading.
    """

    examples: Sequence[Example]
    total: int
    title: str = "Most confident errors"
    score_name: str = "confidence"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked part of a text, such as an entity or an answer.

    Args:
        start: Index of the first character.
        end: Index after the last character.
        kind: Whether the mark is from the reference, from the prediction or from both.
        label: The mark's label, such as an entity type; empty where marks have no labels.
    """

    start: int
    end: int
    kind: Literal["gold", "predicted", "both"]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One evaluated row with a text answer: the input, the reference answers and the model's answer.

    Args:
        texts: (name of the role, text) of each input, in full.
        gold: Reference answers; empty where there is none.
        prediction: The model's answer, including whitespace; empty if there is none.
        score: The score that `SideBySide.score_name` names; None where there is none.
        source: Source of the row.
        row: 1-based number of the row in its source.
        marks: Marked parts of the last of `texts`. They may overlap, and a part may be both gold and predicted.
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
    """The model's answers next to the reference answers.

    Args:
        pairs: Pairs in display order; the report shows the first 100.
        total: Total number of such rows.
        title: Heading.
        score_name: Name of `Pair.score`, such as `confidence` or `F1`.
        note: A sentence below the heading.
        nothing: Text shown for an empty answer.
    """

    pairs: Sequence[Pair]
    total: int
    title: str
    score_name: str = ""
    note: str = ""
    nothing: str = "no answer"


@dataclass(frozen=True, slots=True)
class Series:
    """Texts generated for one prompt, as they changed during training.

    Args:
        title: Heading; consecutive series with the same title share it.
        steps: Optimizer step of each text.
        texts: Text generated at each of the steps.
        asked: The prompt; empty if there is none.
        note: A sentence below the heading.
    """

    title: str
    steps: Sequence[int]
    texts: Sequence[str]
    asked: str = ""
    note: str = ""


Panel = Table | Confusion | Reliability | Tradeoff | Scatter | Histogram | Examples | SideBySide | Series
