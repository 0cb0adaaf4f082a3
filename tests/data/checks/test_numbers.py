"""Checks of the numbers to predict."""

import numpy as np
import pytest

from luthier.data.checks import numbers as checks
from tests.data.checks.findings import only

PRICES = [float(5 + i % 40) for i in range(90)]


def test_constant_target() -> None:
    finding = only(checks.constant_target([2.5, 2.5]))
    assert finding.severity == "error"
    assert finding.message == "The number to predict is 2.500 in all 2 training rows."
    assert checks.constant_target([2.5, 2.6]) == []
    assert checks.constant_target([]) == []


def test_outliers_say_where_they_are_and_what_the_others_are() -> None:
    finding = only(checks.outliers([*PRICES, 1e9, -5e7], range(100, 192)))
    assert (finding.id, finding.severity, finding.rows) == ("outliers", "warning", (190, 191))
    assert finding.message == (
        "The model will learn little but outliers: 2 of 92 training rows are far from the others (-5e+07 to 1e+09; "
        "the others are 5 to 44)."
    )
    finding = only(checks.outliers([*PRICES, 4500.0], range(91)))
    assert "1 of 91 training rows is far from the others (4500;" in finding.message


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2])
def test_a_code_for_a_missing_number_is_an_outlier(share: float) -> None:
    values = np.where(np.random.default_rng(0).random(500) < share, -9999.0, np.resize(PRICES, 500))
    finding = only(checks.outliers(values.tolist(), range(len(values))))
    assert finding.message.count("-9999") == (1 if (values < 0).sum() == 1 else 2)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [1.0, 1e9],
        [3.0] * 50,
        PRICES,
        [*PRICES, 200.0],  # far, but it changes the scale little
        np.random.default_rng(1).normal(size=5_000).tolist(),
        np.random.default_rng(2).lognormal(sigma=1.5, size=5_000).tolist(),  # such as incomes or prices
        [*np.resize(PRICES, 100_000).tolist(), 4_500.0],  # one of very many
        [0.0] * 80 + PRICES[:20],  # mostly 0
    ],
)
def test_numbers_that_can_be_learned_have_no_outliers(values: list[float]) -> None:
    assert checks.outliers(values, range(len(values))) == []
