"""Trends and readings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.learning_curves.facts import Facts
from luthier.learning_curves.record import Series
from luthier.learning_curves.trend import Reading, Trend, around, running_mean
from tests.learning_curves.shapes import RATE, rates, train


def test_a_trend_is_of_means_over_a_tenth():
    trend = Trend.of(train(lambda x: 2 - x / 300, noise=0.0))
    assert trend is not None
    assert trend.start == pytest.approx(2 - 15.5 / 300) and trend.end == trend.low
    assert trend.drop == pytest.approx(270 / 300)
    assert Trend.of(train(n=19)) is None


@given(st.lists(st.floats(-10, 10), min_size=5, max_size=50))
def test_means_of_windows(values):
    given = np.asarray(values)
    means = running_mean(given, 5)
    assert means == pytest.approx([given[i : i + 5].mean() for i in range(len(values) - 4)], abs=1e-9)
    assert around(given, 5).shape == given.shape


def test_a_reading_knows_the_rate_beside_the_usual_one():
    reading = Reading({"train/learning_rate": rates(3 * RATE)}, Facts(usual_rate=RATE))
    assert reading.times_usual == pytest.approx(3)
    assert reading.warmup == 30
    assert Reading({}, Facts()).times_usual is None and Reading({}, Facts()).warmup == 0


def test_values_that_are_not_finite_are_left_out_with_their_steps_and_epochs():
    series = Series([1, 2, 3], [1.0, math.nan, 3.0], [0.1, 0.2, 0.3])
    assert Reading({"train/loss": series}, Facts()).train == Series([1, 3], [1.0, 3.0], [0.1, 0.3])
