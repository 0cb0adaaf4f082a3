"""A range test in a terminal."""

from pathlib import Path

from luthier.learning_curves.rate_range import RateRange
from luthier.reporting.terminal.display import as_text
from luthier.reporting.terminal.rate_range import rate_pieces
from tests.learning_curves.test_rate_range import RATES, made


def test_rates_with_their_losses_and_the_suggestion() -> None:
    test = made(0.0)
    shown = as_text(rate_pieces(test, 5e-5, Path("lr.png")))
    assert f"{test.suggestion:.2g}: the loss falls fastest at" in " ".join(shown.split())
    assert "falls fastest\n" in shown and "lowest\n" in shown and "5e-05" in shown and "lr.png" in shown


def test_why_there_is_no_suggestion() -> None:
    assert "does not fall" in as_text(rate_pieces(RateRange(RATES.tolist(), [0.7] * 100), 5e-5))
    assert "first step is not finite" in as_text(rate_pieces(RateRange([], []), 5e-5))
