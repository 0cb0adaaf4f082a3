"""Splits: a partition, equal texts on one side, labels in proportion, the same in every process."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.arrays import IntArray
from luthier.data import splits
from luthier.errors import RecipeError

KEYS = st.lists(st.integers(0, 60).map(str), max_size=120)
SHARES = st.tuples(st.sampled_from([0, 0.05, 0.1, 0.3]), st.sampled_from([0, 0.1, 0.25, 0.5]))


def unique(n: int) -> list[str]:
    return [str(row) for row in range(n)]


def sides(made: dict[str, IntArray], values: Sequence[Hashable]) -> dict[str, set[Hashable]]:
    return {name: {values[row] for row in rows} for name, rows in made.items()}


@given(KEYS, SHARES, st.integers(0, 5), st.booleans())
@settings(max_examples=150)
def test_splits_are_a_partition_without_a_text_on_two_sides(
    keys: list[str], shares: tuple[float, float], seed: int, stratified: bool
) -> None:
    strata = [int(one) % 4 for one in keys] if stratified else None
    made = splits.make(keys, strata, validation=shares[0], test=shares[1], seed=seed)
    expected = {"train"} | ({"validation"} if shares[0] else set()) | ({"test"} if shares[1] else set())
    assert set(made) == expected
    assert sorted(row for rows in made.values() for row in rows) == list(range(len(keys)))
    assert all(np.all(np.diff(rows) > 0) for rows in made.values())
    by_side = sides(made, keys)
    for name, others in by_side.items():
        assert not any(others & by_side[other] for other in by_side if other != name)
    if strata:
        assert {strata[row] for row in made["train"]} == set(strata)  # training knows every label
    for name, share in (("validation", shares[0]), ("test", shares[1])):
        assert len(made.get(name, ())) <= int(share * len(keys) + 0.5)


@given(st.lists(st.integers(20, 400), min_size=1, max_size=6), SHARES, st.integers(0, 3))
@settings(max_examples=60)
def test_without_duplicates_sizes_are_as_asked_and_labels_in_proportion(
    sizes: list[int], shares: tuple[float, float], seed: int
) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    n = len(labels)
    made = splits.make(unique(n), labels, validation=shares[0], test=shares[1], seed=seed)
    for name, share in (("validation", shares[0]), ("test", shares[1])):
        if not share:
            continue
        assert abs(len(made[name]) - share * n) <= 1
        counts = Counter(labels[row] for row in made[name])
        # Rounding, and one row of each class that stays in training.
        assert all(abs(counts[label] - share * size) <= 2 + share * len(sizes) for label, size in enumerate(sizes))


def test_a_split_follows_its_seed() -> None:
    first, again, other = (
        splits.make(unique(500), [row % 3 for row in range(500)], validation=0.1, test=0.1, seed=seed)
        for seed in (1, 1, 2)
    )
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["test"], other["test"])


def test_a_split_is_the_same_in_every_process_and_for_every_hash_seed() -> None:
    program = """
from luthier.data.splits import by_labels, make, subsample
# In a ring of rare combinations every label is as rare as the next: the choice among them is a tie.
sets = [{"joy", "love"} if row % 3 else {f"ring{row % 40}", f"ring{(row + 3) % 40}"} for row in range(300)]
strata = by_labels(sets)
made = make([f"text {row % 250}" for row in range(300)], strata, validation=0.1, test=0.2, seed=7)
print({name: rows.tolist() for name, rows in made.items()}, subsample(range(300), strata, 20, 3).tolist())
"""
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1
    assert "'test': [" in printed.pop()


def test_known_rows_of_a_split_stay_as_they_are() -> None:
    # Recipes name only the seed, so another draw for the same seed would change old runs.
    made = splits.make(unique(20), [row % 2 for row in range(20)], validation=0.1, test=0.2, seed=0)
    assert {name: rows.tolist() for name, rows in made.items() if name != "train"} == FIXED


FIXED = {"validation": [6, 15], "test": [3, 8, 13, 18]}


@pytest.mark.parametrize(
    ("n", "strata", "sizes"),
    [
        (0, None, (0, 0, 0)),
        (1, None, (1, 0, 0)),
        (2, None, (2, 0, 0)),
        (3, ["a", "b", "c"], (3, 0, 0)),  # each class one row: all train
        (3, None, (3, 0, 0)),
        (5, None, (3, 1, 1)),
        (10, ["a"] * 9 + ["b"], (8, 1, 1)),
        (100, list(range(100)), (100, 0, 0)),
        (100, [row // 2 for row in range(100)], (80, 10, 10)),  # two rows a class: the second can be held out
    ],
)
def test_tiny_and_rare(n: int, strata: list[Hashable] | None, sizes: tuple[int, int, int]) -> None:
    made = splits.make(unique(n), strata, validation=0.1, test=0.1, seed=3)
    assert tuple(map(len, made.values())) == sizes
    if strata:
        assert {strata[row] for row in made["train"]} == set(strata)


def test_large_shares_leave_training_one_row_of_each_class() -> None:
    made = splits.make(unique(12), ["a", "b", "c"] * 4, validation=0.49, test=0.5, seed=0)
    assert {row % 3 for row in made["train"]} == {0, 1, 2}
    assert len(made["train"]) == 3


def test_all_rows_equal_train() -> None:
    made = splits.make(["same"] * 40, None, validation=0.1, test=0.1, seed=0)
    assert {name: len(rows) for name, rows in made.items()} == {"train": 40, "validation": 0, "test": 0}


def test_sizes_are_exact_with_duplicates_among_many() -> None:
    keys = [str(min(row, 700)) if row % 2 else str(row) for row in range(1000)]
    made = splits.make(keys, [row % 3 for row in range(1000)], validation=0.1, test=0.1, seed=0)
    assert (len(made["validation"]), len(made["test"])) == (100, 100)


def test_small_classes_get_their_part_whatever_their_size() -> None:
    # Rounding each class by itself would give all of these to classes of 7 and none to classes of 3.
    labels = [f"three{row % 100}" for row in range(300)] + [f"seven{row % 100}" for row in range(700)]
    made = splits.make(unique(1000), labels, validation=0, test=0.1, seed=0)
    held = Counter(labels[row][:5] for row in made["test"])
    assert 15 <= held["three"] <= 45


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0), (0, 1), (0.5, 0.5), (float("nan"), 0)])
def test_impossible_shares_are_refused(validation: float, test: float) -> None:
    with pytest.raises(RecipeError) as caught:
        splits.make(unique(10), None, validation=validation, test=test, seed=0)
    assert caught.value.where
    assert caught.value.hint


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(1, 90), st.integers(0, 3))
@settings(max_examples=80)
def test_a_subsample_is_stratified(strata: list[int], n: int, seed: int) -> None:
    indices = [10 * place for place in range(len(strata))]
    drawn = splits.subsample(indices, strata, n, seed)
    assert len(drawn) == min(n, len(strata))
    assert np.all(np.diff(drawn) > 0)
    assert set(drawn.tolist()) <= set(indices)
    assert np.array_equal(drawn, splits.subsample(indices, strata, n, seed))
    classes = Counter(strata)
    found = Counter(strata[row // 10] for row in drawn)
    if n >= len(classes):
        assert set(found) == set(classes)
        assert all(
            abs(found[label] - n * rows / len(strata)) <= 1 + len(classes) for label, rows in classes.items()
        ) or (n > len(strata))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(1, 80), st.integers(1, 80), st.integers(0, 3))
@settings(max_examples=80)
def test_a_smaller_subsample_is_part_of_a_larger_one(strata: list[int], n: int, more: int, seed: int) -> None:
    rows = range(len(strata))
    small, large = (set(splits.subsample(rows, strata, size, seed).tolist()) for size in (n, n + more))
    assert small <= large


def test_a_subsample_of_equal_classes_is_equal() -> None:
    drawn = splits.subsample(range(100), [row % 4 for row in range(100)], 8, 1)
    assert Counter(row % 4 for row in drawn) == {0: 2, 1: 2, 2: 2, 3: 2}


def test_a_subsample_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError):
        splits.subsample(range(5), None, 0, 0)


def test_rare_combinations_of_labels_fall_back_to_their_rarest_label() -> None:
    sets = [{"joy"}] * 12 + [{"joy", "fear"}] * 3 + [set()] * 11 + [{"fear", "awe"}]
    strata = splits.by_labels(sets)
    assert strata[0] == frozenset({"joy"})
    assert strata[12:15] == ["fear"] * 3
    assert strata[15] == frozenset()
    assert strata[-1] == "awe"


def test_every_label_of_several_is_in_training() -> None:
    sets = [{f"l{row % 7}", f"m{row % 11}"} for row in range(300)] + [{"once", "l0"}]
    made = splits.make(unique(301), splits.by_labels(sets), validation=0.1, test=0.2, seed=0)
    assert set().union(*(sets[row] for row in made["train"])) == set().union(*sets)


@pytest.mark.parametrize(
    ("values", "bins", "strata"),
    [
        ([], 10, []),
        ([3.0], 10, [0]),
        ([1, 1, 1, 1], 10, [0, 0, 0, 0]),
        ([4, 3, 2, 1], 2, [1, 1, 0, 0]),
    ],
)
def test_numbers_are_binned_by_quantile(values: list[float], bins: int, strata: list[int]) -> None:
    assert splits.by_value(values, bins) == strata


def test_bins_of_a_skewed_number_have_equal_sizes() -> None:
    counts = Counter(splits.by_value([row**4 for row in range(1000)]))
    assert len(counts) == 10
    assert all(99 <= n <= 101 for n in counts.values())
