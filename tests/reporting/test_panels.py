"""What a task hands the report: the verdict on a difference, and what every panel has."""

from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.reporting.panels import Panel, Score

ends = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("low", "high", "greater", "verdict"),
    [
        (0.01, 0.03, True, "significantly better"),
        (0.01, 0.03, False, "significantly worse"),
        (-0.03, -0.01, True, "significantly worse"),
        (-0.03, -0.01, False, "significantly better"),
        (-0.03, -0.01, None, "significant"),
        (-0.01, 0.03, True, "not significant"),
        (0.0, 0.03, True, "not significant"),
        (-0.03, 0.0, None, "not significant"),
        (None, None, True, ""),
        (0.01, None, True, ""),
        (None, 0.03, False, ""),
    ],
)
def test_a_difference_is_significant_where_its_interval_does_not_hold_zero(
    low: float | None, high: float | None, greater: bool | None, verdict: str
) -> None:
    assert Score(0.02, low, high).verdict(greater) == verdict


@given(ends, ends, st.booleans())
def test_turning_a_difference_and_its_direction_round_changes_nothing(one: float, other: float, greater: bool) -> None:
    low, high = sorted((one, other))
    assert Score(low, low, high).verdict(greater) == Score(-low, -high, -low).verdict(not greater)


@pytest.mark.parametrize("kind", get_args(Panel))
def test_every_panel_has_a_title_and_a_note_that_may_be_empty(kind: type) -> None:
    found = {field.name: field for field in fields(kind)}
    assert found["title"].type in (str, "str") and found["note"].default == ""
