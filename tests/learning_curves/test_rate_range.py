"""The learning rate range test: what it suggests of losses at rising rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.learning_curves.rate_range import FEWEST, RateRange, diverged

RATES = np.geomspace(1e-6, 1e-1, 100)


def made(noise: float, best: float = 1e-3, fall: float = 0.5, seed: int = 0) -> RateRange:
    """A loss that falls up to a rate, and rises from there on."""
    x = np.log10(RATES / best)
    losses = 0.7 - fall / (1 + np.exp(-4 * (x + 0.7))) + np.exp(np.minimum(2 * x, 5)) * (x > 0)
    return RateRange(RATES.tolist(), (losses + np.random.default_rng(seed).normal(0, noise, len(x))).tolist())


@given(st.floats(0, 0.05), st.sampled_from((1e-4, 1e-3, 1e-2)), st.integers(0, 5))
def test_the_suggestion_is_below_the_rate_with_the_lowest_loss(noise: float, best: float, seed: int) -> None:
    test = made(noise, best, seed=seed)
    assert test.suggestion is not None and test.steepest is not None
    assert best / 20 < test.suggestion <= 1.05 * test.rates[test.lowest] / 3
    assert test.rates[test.steepest] == pytest.approx(best / 5, rel=1.5)


@given(st.integers(0, 50))
def test_noise_alone_gives_no_suggestion(seed: int) -> None:
    rising = 0.7 + np.exp(np.linspace(-9, 1, 100)) + np.random.default_rng(seed).normal(0, 1e-3, 100)
    assert RateRange(RATES.tolist(), rising.tolist()).suggestion is None


def test_few_steps_give_no_suggestion() -> None:
    assert RateRange([1e-4, 1e-3], [1.0, 0.1]).suggestion is None
    n = FEWEST - 1
    assert RateRange(RATES[:n].tolist(), np.linspace(1, 0, n).tolist()).suggestion is None


def test_losses_far_above_the_lowest_end_the_test() -> None:
    assert not diverged([]) and not diverged([0.5] * 20)
    assert not diverged([0.5] * 20 + [9.0])  # a single step is noise
    assert diverged([0.5] * 20 + [9.0] * 3)


def test_the_picture_has_every_step_and_the_suggestion() -> None:
    test = made(0.01)
    spec = test.figure().spec()
    assert len(spec["layer"]) == 4 and f"{test.suggestion:.2g}" in test.figure().caption
    assert len(RateRange(test.rates[:10], test.losses[:10]).figure().spec()["layer"]) == 2
