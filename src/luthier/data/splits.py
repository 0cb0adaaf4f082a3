"""Train, validation and test splits: stratified, seeded, and grouped so that equal texts are in the same split.

scikit-learn's StratifiedGroupKFold is not used: it only supports shares of 1 / k, and it takes 3 s for 20,000 rows
(measured with 20 classes), where this module splits a million rows in 1 s.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from luthier.arrays import BoolArray, IntArray
from luthier.errors import RecipeError
from luthier.text import number

# Value of a column that names the split of each row, in lower case -> the split.
SPLIT_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development", "eval", "trial"), "validation"),
    **dict.fromkeys(("test", "testing", "heldout", "held-out", "holdout"), "test"),
}
FEWEST_COMBINED = 10  # rows of a combination of labels that is a stratum


def make(
    keys: Iterable[str], strata: Sequence[Hashable] | None, *, validation: float, test: float, seed: int
) -> dict[str, IntArray]:
    """Split rows into training, validation and test.

    Rows with equal keys go to the same split and belong to the stratum of the first of them. The most frequent key of
    each stratum goes to training, so that every label occurs there; all other keys are divided in proportion to the
    strata. Split sizes are exact to the row unless too many rows share keys.

    Args:
        keys: Content key of each row (`duplicates.key`).
        strata: Stratum of each row, such as its label (see also `by_labels` and `by_value`); None for no strata.
        validation: Share of the rows; 0 for no validation split.
        test: Share of the rows; 0 for no test split.
        seed: The same seed gives the same splits, in every process and on every machine.
    Returns:
        Sorted row positions under `train` and, if their share is above 0, `validation` and `test` (empty if there
        are too few rows).
    Raises:
        RecipeError: A share is below 0 or at least 1, or nothing would be left for training.
    """
    _check_shares(validation, test)
    group = _renumbered(np.fromiter(map(_number, keys), np.int64))  # [rows]: number of each row's key
    _, first, weight = np.unique(group, return_index=True, return_counts=True)
    order = _shuffled(len(first), seed)
    first, weight = first[order], weight[order]  # [groups], in drawing order from here on
    stratum = np.zeros(len(first), np.int64) if strata is None else _renumbered(_numbered(strata)[first])

    spare = np.flatnonzero(~_heaviest(weight, stratum))
    rows_test, rows_validation = _nearest(test * len(group)), _nearest(validation * len(group))
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
    """Draw n of the given rows in proportion to the strata, with at least one row per stratum if n allows it.

    With the same seed, a smaller sample is part of a larger one: the seats of Webster's method (Balinski & Young 1982,
    "Fair Representation") never become fewer as there are more of them.

    Args:
        indices: Row positions to draw from.
        strata: Stratum of each row (strata[i] belongs to indices[i]); None for no strata.
        n: Number of rows to draw; all rows if there are fewer.
        seed: As in `make`.
    Returns:
        Sorted row positions.
    Raises:
        RecipeError: n is below 1.
    """
    if n < 1:
        raise RecipeError(f"cannot sample {n} rows", hint="use 1 or more")
    rows: IntArray = np.asarray(indices, np.int64)
    order = _shuffled(len(rows), seed)
    stratum = (np.zeros(len(rows), np.int64) if strata is None else _numbered(strata))[order]
    total = np.bincount(stratum)[stratum]  # [rows]: rows of each row's stratum
    place = _places(stratum)  # [rows]: how many rows of its stratum come before it
    turn = np.lexsort(((place + 0.5) / total, place > 0))  # the first row of each stratum, then by Webster's divisors
    return np.sort(rows[order[turn[:n]]])


def by_labels(label_sets: Iterable[Collection[Hashable]]) -> list[Hashable]:
    """Strata for rows with any number of labels: the combination if it is common, else the row's rarest label."""
    sets = [frozenset(labels) for labels in label_sets]
    combinations = Counter(sets)
    frequency = Counter(label for labels in sets for label in labels)
    # Ties are broken by name, so that the result does not depend on set order (which varies with the hash seed).
    rarest = {
        labels: min(labels, key=lambda label: (frequency[label], str(label)), default=None) for labels in combinations
    }
    return [labels if combinations[labels] >= FEWEST_COMBINED else rarest[labels] for labels in sets]


def by_value(values: Sequence[float] | npt.NDArray[np.float64], bins: int = 10) -> list[Hashable]:
    """Strata for numbers: the quantile bin of each value (fewer than `bins` bins if values repeat).

    Args:
        values: [rows], finite
        bins: Maximum number of strata.
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers):
        return []
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1]))
    return [int(place) for place in np.searchsorted(edges, numbers, side="left")]


def _draw(weight: IntArray, stratum: IntArray, target: int) -> BoolArray:
    """Choose groups with `target` rows in total, from each stratum in proportion to its rows.

    Quotas are rounded along their running sum, so that each is rounded up or down and the total is exact. If a
    stratum cannot fill its quota (its groups are too large), the next strata make up for it.

    Args:
        weight: [g], rows of each group, in drawing order
        stratum: [g]
        target: Number of rows, at most the sum of the weights.
    Returns:
        [g], true for chosen groups
    """
    chosen = np.zeros(len(weight), np.bool_)
    if target == 0:
        return chosen
    sequence = np.argsort(stratum, kind="stable")
    starts = np.flatnonzero(np.diff(stratum[sequence], prepend=-1))
    total = int(weight.sum())
    filled = np.add.reduceat(weight[sequence], starts).cumsum()
    due = (2 * filled * target + total) // (2 * total)  # rounded half up, in integer arithmetic
    # After all strata, the remainder is drawn from any group.
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
    """[g]: true for the heaviest group of each stratum (the first one on ties)."""
    sequence = np.lexsort((-weight, stratum))
    heaviest = np.zeros(len(weight), np.bool_)
    heaviest[sequence[np.flatnonzero(np.diff(stratum[sequence], prepend=-1))]] = True
    return heaviest


def _places(stratum: IntArray) -> IntArray:
    """[g]: the number of earlier groups of the same stratum."""
    sequence = np.argsort(stratum, kind="stable")
    counts = np.bincount(stratum)
    places = np.empty(len(stratum), np.int64)
    places[sequence] = np.arange(len(stratum)) - np.repeat(np.cumsum(counts) - counts, counts)
    return places


def _numbered(values: Iterable[Hashable]) -> IntArray:
    """Integer codes of values, in order of first appearance (so independent of hash seeds)."""
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(value, len(numbers)) for value in values), np.int64)


def _renumbered(numbers: IntArray) -> IntArray:
    """Other numbers in order of first appearance."""
    _, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    code = np.empty(len(first), np.int64)
    code[np.argsort(first)] = np.arange(len(first))
    return code[place]


def _number(key: str) -> int:
    """A number of 64 bits for a key, to hold millions of them; two keys with the same number stay together, no more."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little", signed=True)


def _shuffled(n: int, seed: int) -> IntArray:
    # A bit generator's raw stream is guaranteed to stay the same across NumPy versions; `permutation` is not.
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def _nearest(value: float) -> int:
    return int(value + 0.5)


def _check_shares(validation: float, test: float) -> None:
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise RecipeError(
                f"the {name} share is {number(share, 2)}",
                where=name,
                hint="use a share from 0 up to, but not including, 1",
            )
    if validation + test >= 1:
        raise RecipeError(
            f"validation ({number(validation, 2)}) and test ({number(test, 2)}) leave nothing for training",
            where="validation, test",
            hint="shares that sum to less than 1, such as 0.1 and 0.1",
        )
