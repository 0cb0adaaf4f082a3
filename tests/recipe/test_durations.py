"""Durations are read as people write them, and written in one form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import RecipeError
from luthier.recipe import Recipe
from luthier.recipe.durations import duration_of, seconds_of


@pytest.mark.parametrize(
    ("value", "stored", "seconds"),
    [
        ("90s", "1m30s", 90),
        ("10m", "10m", 600),
        ("1h30m", "1h30m", 5400),
        ("1.5 hours", "1h30m", 5400),
        ("4 min 10 s", "4m10s", 250),
        ("2H", "2h", 7200),
        ("90", "1m30s", 90),
        (90, "1m30s", 90),
        (0.5, "0.5s", 0.5),
        ("36h", "36h", 129_600),
        ("59.9999s", "1m", 60),
    ],
)
def test_a_duration_is_stored_in_one_form(value: Any, stored: str, seconds: float) -> None:
    training = Recipe.build({"training": {"max_time": value}}).training
    assert (training.max_time, training.max_seconds) == (stored, seconds)


@pytest.mark.parametrize("value", ["ten minutes", "", "10x", "-5", "m", "1m1h", "00:10:00", "nan", "1e3"])
def test_other_forms_are_refused_with_those_that_are_known(value: str) -> None:
    with pytest.raises(RecipeError, match="is not a duration: write it as 90s, 10m or 1h30m"):
        Recipe.build({"training": {"max_time": value}})


@pytest.mark.parametrize("value", [0, -1, "0", "0m", 1e-9, float("inf"), float("nan")])
def test_no_time_is_refused(value: Any) -> None:
    with pytest.raises(RecipeError, match="the duration must be above 0"):
        Recipe.build({"training": {"max_time": value}})


@pytest.mark.parametrize("value", [1e300, 3.61e7, "10001h", "9" * 400])
def test_more_than_a_year_is_refused(value: Any) -> None:
    with pytest.raises(RecipeError, match="the duration must be at most 10000h"):
        Recipe.build({"training": {"max_time": value}})


@pytest.mark.parametrize("value", [True, ["10m"], {"minutes": 10}])
def test_what_is_neither_text_nor_a_number_is_refused(value: Any) -> None:
    with pytest.raises(RecipeError, match=r"training.max_time"):
        Recipe.build({"training": {"max_time": value}})


@given(st.floats(0.001, 1e7))
def test_a_written_duration_is_read_as_it_was(seconds: float) -> None:
    written = duration_of(seconds)
    assert seconds_of(written) == pytest.approx(seconds, abs=6e-4)
    assert duration_of(seconds_of(written)) == written
