"""Power laws: the one that made the errors is found, within its bounds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.learning_curves.power_law import EXPONENTS, PowerLaw, fit

ROWS = np.array([100.0, 250.0, 500.0, 1000.0])


def law(a: float, b: float, c: float) -> PowerLaw:
    return PowerLaw(np.array(a), np.array(b), np.array(c))


@given(st.floats(0, 0.3), st.floats(0.1, 3), st.integers(0, len(EXPONENTS) - 1))
def test_the_law_that_made_the_errors_is_found(a: float, b: float, place: int) -> None:
    errors = law(a, b, EXPONENTS[place]).error(ROWS)
    found = fit(errors[None], ROWS, np.full(4, 1e-4), 0.0)
    assert found.error(ROWS[:, None])[:, 0] == pytest.approx(errors, abs=1e-6)


def test_several_rows_of_errors_are_fitted_at_once_and_weighted() -> None:
    errors = np.stack([law(0.1, 1.0, 0.5).error(ROWS), law(0.2, 2.0, 0.5).error(ROWS)])
    found = fit(errors, ROWS, np.ones(4), 0.0)
    assert found.a == pytest.approx([0.1, 0.2], abs=5e-3)
    bent = errors[:1] + np.array([0.1, 0, 0, 0])
    doubtful = fit(bent, ROWS, np.array([1e4, 1, 1, 1]), 0.0)
    assert doubtful.error(ROWS[:, None])[1:, 0] == pytest.approx(errors[0, 1:], abs=1e-3)


def test_the_limit_and_the_slope_keep_to_their_bounds() -> None:
    steep = law(-0.2, 1.0, 0.1).error(ROWS)  # its limit is no error rate
    bounded = fit(steep[None], ROWS, np.ones(4), 0.0)
    assert bounded.a[0] == 0 and bounded.b[0] > 0
    assert fit(steep[None], ROWS, np.ones(4), -math.inf).a[0] == pytest.approx(-0.2, abs=0.05)
    rising = fit(steep[None, ::-1], ROWS, np.ones(4), 0.0)
    assert rising.b[0] == 0 and rising.a[0] == pytest.approx(steep.mean())
