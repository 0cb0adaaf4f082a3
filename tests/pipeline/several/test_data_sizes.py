"""The trainings on parts of the rows: which sizes, and what each run sets."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.console import Console
from luthier.errors import DataError, LuthierError, UsageError
from luthier.pipeline.inference.cost import Cost, Part
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe, with_changes
from luthier.pipeline.several.data_sizes import LEAST, check_sizes, seconds_of, sized_runs, sizes_of, training_on
from luthier.recipe import Recipe
from tests.conftest import review_rows


@pytest.fixture(scope="module")
def given_recipe(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Recipe:
    rows = review_rows(150)
    settings = {"model": str(tiny_model), "seed": 7}
    return build_recipe([*rows, *rows[:10]], settings, tmp_path_factory.mktemp("rows"), Console())


@pytest.fixture(scope="module")
def prepared(given_recipe: Recipe) -> Prepared:
    return prepare(given_recipe, Console())


def checked(at: list[Any], available: int, labels: int) -> list[int]:
    check_sizes(at, 3)
    return sizes_of(at, available, labels, "rows.csv")


def test_the_runs_share_the_held_out_rows_and_differ_in_rows_and_seeds(
    given_recipe: Recipe, prepared: Prepared
) -> None:
    runs = sized_runs(given_recipe, prepared, [0.25, 0.5, 1.0], 2)
    largest = runs[-1].rows
    assert largest == len(set(prepared.splits["train"]["text"]))  # rows that occur twice count once
    assert [run.name for run in runs] == [
        *(f"rows-{round(share * largest)}-{repeat}" for share in (0.25, 0.5) for repeat in (1, 2)),
        f"rows-{largest}-1",
    ]
    made = [prepare(with_changes(given_recipe, run.changes), Console()) for run in runs]
    assert {tuple(one.splits["test"]["text"]) for one in made} == {tuple(prepared.splits["test"]["text"])}
    texts = [set(one.splits["train"]["text"]) for one in made]
    assert [len(some) for some in texts] == [run.rows for run in runs]
    assert texts[0] < texts[2] < texts[4] and texts[1] < texts[3] < texts[4] and texts[0] != texts[1]
    assert [one.recipe.seed for one in made] == [7, 8, 7, 8, 7]


def test_the_planned_steps_are_those_that_a_run_decides_on(given_recipe: Recipe, prepared: Prepared) -> None:
    for run in sized_runs(given_recipe, prepared, [40, 100], 1):
        training = prepare(with_changes(given_recipe, run.changes), Console()).recipe.training
        assert (run.steps, run.batch_size) == (
            training.total_steps(-(-run.rows // training.batch_size)),
            training.batch_size,
        )


def test_the_time_grows_with_the_examples_of_the_steps(given_recipe: Recipe, prepared: Prepared) -> None:
    whole = training_on(given_recipe, prepared, 100)
    cost = Cost(whole.steps, 1.0, {"training": Part(10, 30, 20, 1, 1), "final_score": Part(5, 5, 5, 1, 1)}, None)
    runs = sized_runs(given_recipe, prepared, [50, 100], 1)
    assert seconds_of(runs[1:], cost, whole) == pytest.approx(25)
    part = runs[0].steps / whole.steps * runs[0].batch_size / whole.batch_size
    assert seconds_of(runs, cost, whole) == pytest.approx(25 + 5 + 20 * part)


@pytest.mark.parametrize(
    ("available", "sizes"),
    [(1000, [100, 250, 500, 1000]), (200, [20, 50, 100, 200]), (160, [20, 40, 80, 160]), (80, [20, 32, 50, 80])],
)
def test_the_default_sizes_are_shares_unless_the_smallest_is_too_small(available: int, sizes: list[int]) -> None:
    assert sizes_of(None, available, 2, "rows.csv") == sizes
    assert min(sizes_of(None, available, 2, "rows.csv")) >= LEAST


def test_sizes_may_be_shares_or_rows_in_any_order() -> None:
    assert sizes_of([0.5, 20, 1], 100, 2, "rows.csv") == [20, 50, 100]


@given(st.lists(st.floats(allow_nan=True) | st.integers(), max_size=5), st.integers(1, 10_000), st.integers(1, 20))
def test_any_sizes_are_increasing_and_possible_or_refused(at: list[float], available: int, labels: int) -> None:
    try:
        sizes = checked(at, available, labels)
    except LuthierError as error:
        told = error.where and error.hint
    else:
        told = sizes == sorted(set(sizes)) and labels <= sizes[0] and sizes[-1] <= available
    assert told


@pytest.mark.parametrize(
    ("at", "what"),
    [
        ([0.5, 0], "a size of 0 is neither a share"),
        ([0.5, -3], "a size of -3 is neither"),
        ([1.5, 20], "a size of 1.5 is neither"),
        ([float("nan"), 1], "a size of nan is neither"),
        (["half", 1], "a size of half is neither"),
        ([1.0], "1 size cannot show"),
        ([], "0 sizes cannot show"),
        ([50, 101], "a size of 101 is more than the 100 different training rows"),
        ([0.5, 50], "two sizes are 50 rows, of 100"),
        ([2, 50], "a size of 2 rows cannot hold all 3 labels"),
    ],
)
def test_a_size_that_is_not_possible_is_refused(at: list[Any], what: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked(at, 100, 3)
    assert caught.value.what.startswith(what) and caught.value.where == "--at" and caught.value.hint


def test_too_few_rows_and_no_repeats_are_refused() -> None:
    with pytest.raises(DataError, match="12 different training rows are too few") as caught:
        sizes_of(None, 12, 2, "rows.csv")
    assert caught.value.where == "rows.csv" and "80 training rows" in caught.value.hint
    with pytest.raises(UsageError, match="repeats is 0"):
        check_sizes(None, 0)
