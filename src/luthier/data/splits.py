"""Splits: which rows train, validate and test. Stratified, seeded, and with equal texts on one side.

scikit-learn's StratifiedGroupKFold is not used: a share must be 1 / k, and it takes 3 s for 20,000 rows (measured, 20
classes) where a million take 1 s here.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from luthier.arrays import BoolArray, IntArray
from luthier.errors import RecipeError
from luthier.text import number


def make(
    keys: Sequence[str], strata: Sequence[Hashable] | None, *, validation: float, test: float, seed: int
) -> dict[str, IntArray]:
    """Split rows into training, validation and test.

    Rows with equal keys land on one side, and count for the stratum of the first of them. Each stratum gives to each
    side in proportion, after training was given one of its keys (the most frequent), so that training knows every
    label. Sizes are as asked to the row as long as enough rows are not tied by their keys.

    Args:
        keys: Content key of each row (`duplicates.key`).
        strata: Stratum of each row, such as its label; None for none. Several labels: `by_labels`; numbers: `by_value`.
        validation: Share of the rows, 0 for no such split.
        test: Share of the rows, 0 for no such split.
        seed: The same seed gives the same splits, in every process and on every machine.
    Returns:
        Sorted row positions under `train` and, where the share is above 0, `validation` and `test` (which are
        empty when there are too few rows).
    Raises:
        RecipeError: A share is below 0, or nothing would be left for training.
    """
    _check_shares(validation, test)
    group = _numbered(keys)  # [rows]: number of each row's key
    _, first, weight = np.unique(group, return_index=True, return_counts=True)
    order = _shuffled(len(first), seed)
    first, weight = first[order], weight[order]  # [groups], in drawing order from here on
    stratum = np.zeros(len(first), np.int64) if strata is None else _numbered(strata[row] for row in first)

    spare = np.flatnonzero(~_heaviest(weight, stratum))
    rows_test, rows_validation = _nearest(test * len(keys)), _nearest(validation * len(keys))
    room = int(weight[spare].sum())
    if rows_test + rows_validation > room:
        rows_test = _nearest(room * rows_test / (rows_test + rows_validation))
        rows_validation = room - rows_test
    tested = _draw(weight[spare], stratum[spare], rows_test)
    rest = spare[~tested]
    validated = _draw(weight[rest], stratum[rest], rows_validation)

    side = np.zeros(len(first), np.int8)
    side[order[rest[validated]]] = 1
    side[order[spare[tested]]] = 2
    row_side = side[group]
    names = {"train": 0} | ({"validation": 1} if validation else {}) | ({"test": 2} if test else {})
    return {name: np.flatnonzero(row_side == place) for name, place in names.items()}


def subsample(indices: Sequence[int] | IntArray, strata: Sequence[Hashable] | None, n: int, seed: int) -> IntArray:
    """Draw n of the given rows, in proportion to the strata; each stratum has a row as long as n allows it.

    Args:
        indices: Row positions to draw from.
        strata: Stratum of each of them (strata[i] belongs to indices[i]); None for none.
        n: How many to draw; all when there are fewer.
        seed: As in `make`.
    Returns:
        Sorted row positions.
    Raises:
        RecipeError: n is below 1.
    """
    if n < 1:
        raise RecipeError(f"a sample of {n} rows cannot be drawn", hint="ask for 1 row or more")
    rows: IntArray = np.asarray(indices, np.int64)
    if n >= len(rows):
        return np.sort(rows)
    order = _shuffled(len(rows), seed)
    stratum = (np.zeros(len(rows), np.int64) if strata is None else _numbered(strata))[order]
    weight = np.ones(len(rows), np.int64)
    chosen = _heaviest(weight, stratum)
    if chosen.sum() > n:  # more strata than rows asked for
        chosen = np.zeros(len(rows), np.bool_)
    rest = np.flatnonzero(~chosen)
    chosen[rest[_draw(weight[rest], stratum[rest], n - int(chosen.sum()))]] = True
    return np.sort(rows[order[chosen]])


def by_labels(label_sets: Iterable[Collection[Hashable]], least: int = 10) -> list[Hashable]:
    """Strata for rows with several labels: the combination where it is common, else its rarest label.

    Args:
        label_sets: The labels of each row; may be empty.
        least: Rows that a combination must have to be a stratum of its own.
    """
    sets = [frozenset(labels) for labels in label_sets]
    combinations = Counter(sets)
    frequency = Counter(label for labels in sets for label in labels)
    # Ties go by name, so that nothing depends on the order of a set (which the hash seed decides).
    rarest = {
        labels: min(labels, key=lambda label: (frequency[label], str(label)), default=None) for labels in combinations
    }
    return [labels if combinations[labels] >= least else rarest[labels] for labels in sets]


def by_value(values: Sequence[float] | npt.NDArray[np.float64], bins: int = 10) -> list[Hashable]:
    """Strata for numbers: which of `bins` quantile bins each falls into (fewer where values repeat).

    Args:
        values: [rows], finite
        bins: At most this many strata.
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers):
        return []
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1]))
    return [int(place) for place in np.searchsorted(edges, numbers, side="left")]


def _draw(weight: IntArray, stratum: IntArray, target: int) -> BoolArray:
    """Choose groups that hold `target` rows together, each stratum in proportion to its rows.

    The strata's quotas are rounded along their running sum, so that each is rounded up or down and the total is
    exact; what a stratum cannot give (its groups are too heavy) the next ones give.

    Args:
        weight: [g], rows of each group, in drawing order
        stratum: [g]
        target: Rows, at most the sum of the weights.
    Returns:
        [g], true for the chosen
    """
    chosen = np.zeros(len(weight), np.bool_)
    if target == 0:
        return chosen
    sequence = np.argsort(stratum, kind="stable")
    starts = np.flatnonzero(np.diff(stratum[sequence], prepend=-1))
    total = int(weight.sum())
    filled = np.add.reduceat(weight[sequence], starts).cumsum()
    due = (2 * filled * target + total) // (2 * total)  # rounded half up, in whole numbers
    # The rest comes from anywhere, once every stratum had its turn.
    segments = [*np.split(sequence, starts[1:]), np.arange(len(weight))]
    taken = 0
    for segment, wanted in zip(segments, [*due.tolist(), target], strict=True):
        for place in segment:
            if taken == wanted:
                break
            if not chosen[place] and taken + weight[place] <= wanted:
                chosen[place] = True
                taken += int(weight[place])
    return chosen


def _heaviest(weight: IntArray, stratum: IntArray) -> BoolArray:
    """[g]: true for the first of the heaviest groups of each stratum."""
    sequence = np.lexsort((-weight, stratum))
    heaviest = np.zeros(len(weight), np.bool_)
    heaviest[sequence[np.flatnonzero(np.diff(stratum[sequence], prepend=-1))]] = True
    return heaviest


def _numbered(values: Iterable[Hashable]) -> IntArray:
    """Each value's number, counted in order of first appearance (so independent of hash seeds)."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)


def _shuffled(n: int, seed: int) -> IntArray:
    # A bit generator's raw stream is guaranteed to stay the same over NumPy versions; `permutation` is not.
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def _nearest(value: float) -> int:
    return int(value + 0.5)


def _check_shares(validation: float, test: float) -> None:
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise RecipeError(
                f"the {name} share is {number(share, 2)}", where=name, hint="give a share from 0 up to below 1"
            )
    if validation + test >= 1:
        raise RecipeError(
            f"validation ({number(validation, 2)}) and test ({number(test, 2)}) leave nothing for training",
            where="validation, test",
            hint="shares that sum to less than 1, such as 0.1 and 0.1",
        )
