"""Intervals in a cell: a scale of round numbers that holds its values, and where on it a score lies."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.reporting.drawing.intervals import EDGE, WIDTH, Mark, Scale, mark, table_scale
from luthier.reporting.panels import Cell, Score

finite = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@given(st.lists(finite, min_size=1, max_size=20))
def test_a_scale_holds_its_values(values: list[float]) -> None:
    scale = Scale.over(values)
    slack = 1e-6 * max(1.0, abs(scale.low), abs(scale.high))
    assert scale.low - slack <= min(values) <= max(values) <= scale.high + slack
    assert all(EDGE <= scale.at(value) <= WIDTH - EDGE for value in values)


@given(finite, finite)
def test_of_two_values_the_larger_never_lies_further_left(one: float, other: float) -> None:
    scale = Scale.over([one, other])
    low, high = sorted((one, other))
    assert scale.low < scale.high and scale.at(low) <= scale.at(high)


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([0.903, 0.971], (0.90, 0.98)),
        ([26.1, 52.0], (20.0, 60.0)),
        ([-0.66, 0.04], (-0.7, 0.1)),
        ([170.0, 190.0], (170.0, 190.0)),
        ([3.0], (3.0, 4.0)),
        ([0.0], (0.0, 1.0)),
    ],
)
def test_a_scale_ends_at_round_numbers(values: list[float], ends: tuple[float, float]) -> None:
    scale = Scale.over(values)
    assert (scale.low, scale.high) == ends


@pytest.mark.parametrize(
    ("values", "ends"),
    [([0.6, 0.9], (0.6, 0.9)), ([0.3, 0.5], (0.3, 0.5)), ([1e-10, 5e-10], (1e-10, 5e-10))],
)
def test_round_values_are_the_ends_themselves(values: list[float], ends: tuple[float, float]) -> None:
    scale = Scale.over(values)
    assert (scale.low, scale.high) == ends
    assert [float(end) for end in scale.ends] == list(ends)


def test_two_neighbouring_numbers_are_drawn() -> None:
    value = 232069.07271279718
    scale = Scale.over([value, math.nextafter(value, math.inf)])
    assert scale.low < scale.high
    assert EDGE <= scale.at(value) <= WIDTH - EDGE


def test_what_is_not_defined_or_not_finite_has_no_say_in_the_scale() -> None:
    assert Scale.over([None, 0.903, math.nan, 0.971, math.inf]) == Scale.over([0.903, 0.971])
    assert Scale.over([None, math.nan]) == Scale.over([]) == Scale(0.0, 1.0)


@pytest.mark.parametrize(
    ("scale", "ends"),
    [
        (Scale(0.90, 0.98), ("0.90", "0.98")),
        (Scale(0.0, 60.0), ("0", "60")),
        (Scale(-0.7, 0.1), ("-0.7", "0.1")),
        (Scale(20_000.0, 30_000.0), ("20,000", "30,000")),
        (Scale(0.5, 0.625), ("0.500", "0.625")),
    ],
)
def test_the_ends_have_as_few_digits_as_tell_them_apart(scale: Scale, ends: tuple[str, str]) -> None:
    assert scale.ends == ends


def test_a_score_is_a_dot_with_whiskers_and_a_tick_for_each_rival() -> None:
    assert mark(Scale(0.0, 1.0), Score(0.5, 0.25, 0.75), [0.0, None]) == Mark(60.0, 32.0, 88.0, (4.0,))


def test_whiskers_need_both_ends_and_a_dot_needs_a_score() -> None:
    scale = Scale(0.0, 1.0)
    assert mark(scale, Score(None, 0.2, 0.3)) is None
    for score in (Score(0.5), Score(0.5, 0.25), Score(0.5, None, 0.75)):
        assert mark(scale, score) == Mark(60.0, None, None)


def test_what_lies_beyond_the_scale_is_drawn_at_its_end() -> None:
    assert mark(Scale(0.0, 1.0), Score(2.0, -3.0, 4.0), [-1.0]) == Mark(116.0, 4.0, 116.0, (4.0,))


def test_the_scores_of_a_table_share_a_scale_if_any_has_an_interval() -> None:
    rows: list[tuple[Cell, ...]] = [("a", Score(0.5, 0.4, 0.6), 12), ("b", Score(0.8), None)]
    scale = table_scale(rows)
    assert scale is not None and (scale.low, scale.high) == (0.4, 0.8)
    assert table_scale([("a", Score(0.5), 12)]) is None and table_scale([]) is None
