"""Prepare a confusion matrix for the page: most confused classes first, counts with shares of the true class."""

from dataclasses import dataclass

import numpy as np

from luthier.reporting.panels import Confusion

MOST_LABELS = 12
MOST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Square:
    """One cell.

    Args:
        count: Number of rows.
        share: Share of the true class's rows, 0 to 1; None where the class has no rows.
        right: Whether the cell is on the diagonal.
    """

    count: int
    share: float | None
    right: bool

    @property
    def heat(self) -> int:
        """Colour intensity, 0 to 10; at least 1 if the cell has rows."""
        return 0 if not self.count or self.share is None else max(1, round(10 * self.share))


@dataclass(frozen=True, slots=True)
class Pair:
    """Rows of one class that were predicted as another."""

    gold: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Arranged:
    """A confusion matrix prepared for the page.

    Args:
        labels: Classes shown, most confused first.
        columns: Column headings: the labels, and `others` if some classes are not shown.
        rows: [label][column]
        pairs: The most frequent confusions over all classes.
        hidden: Number of classes not shown in the matrix.
        errors: Rows off the diagonal, over all classes.
        total: All rows.
    """

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Square, ...], ...]
    pairs: tuple[Pair, ...]
    hidden: int
    errors: int
    total: int


def arrange(panel: Confusion) -> Arranged:
    """Sort the classes of a confusion matrix by their errors and keep the first `MOST_LABELS`."""
    n = len(panel.labels)
    counts = np.asarray(panel.counts, dtype=np.int64).reshape(n, n)
    gold_totals = counts.sum(axis=1)
    wrong = counts * (1 - np.eye(n, dtype=np.int64))
    # The errors of a class are its false negatives and its false positives.
    order = np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")
    shown = order[:MOST_LABELS]
    hidden = order[MOST_LABELS:]
    rows = []
    for gold in shown:
        cells = [_square(counts[gold, p], gold_totals[gold], right=bool(gold == p)) for p in shown]
        if len(hidden):
            cells.append(_square(counts[gold, hidden].sum(), gold_totals[gold], right=False))
        rows.append(tuple(cells))
    labels = tuple(panel.labels[i] for i in shown)
    return Arranged(
        labels=labels,
        columns=(*labels, "others") if len(hidden) else labels,
        rows=tuple(rows),
        pairs=_pairs(panel, wrong, gold_totals),
        hidden=len(hidden),
        errors=int(wrong.sum()),
        total=int(counts.sum()),
    )


def _square(count: int, total: int, *, right: bool) -> Square:
    return Square(int(count), float(count / total) if total else None, right)


def _pairs(panel: Confusion, wrong: np.ndarray, totals: np.ndarray) -> tuple[Pair, ...]:
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    found = []
    for flat in order:
        gold, predicted = (int(i) for i in np.unravel_index(flat, wrong.shape))
        if n := int(wrong[gold, predicted]):
            found.append(Pair(panel.labels[gold], panel.labels[predicted], n, n / int(totals[gold])))
    return tuple(found)
