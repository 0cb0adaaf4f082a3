"""The greedy average of checkpoints: which ones are in it, and that it is their mean."""

import math
from collections.abc import Callable

import pytest
import torch

from luthier.engines.ranking import Evaluated
from luthier.engines.soup import Soup, Weights, greedy_soup

TENSORS = {step: [torch.full((2, 2), float(step)), torch.tensor([float(step) ** 2])] for step in (1, 2, 5, 9)}


def soup(steps: list[int], value: Callable[[float], float], *, greater: bool = True) -> tuple[Soup, list[float]]:
    """The soup of checkpoints whose weights are their step, and what was evaluated; the value follows from the mean."""
    tried: list[float] = []

    def score(weights: Weights, step: int) -> Evaluated:
        tried.append(float(weights[0][0, 0]))
        return Evaluated(step, value(tried[-1]), 0.0)

    return greedy_soup(steps, lambda step: [one.clone() for one in TENSORS[step]], score, greater=greater), tried


def test_one_that_makes_it_worse_is_left_out() -> None:
    """The best mean is 4: of 5, then (5 + 1) / 2 is as near, (5 + 1 + 9) / 3 is not worse, and with 2 it would be."""
    found, tried = soup([5, 1, 9, 2], lambda mean: -abs(mean - 4.0))
    assert tried == pytest.approx([5.0, 3.0, 5.0, 4.25])
    assert found.steps == [5, 1, 9, 2]
    found, tried = soup([5, 9, 1], lambda mean: -abs(mean - 4.0))
    assert tried == pytest.approx([5.0, 7.0, 3.0])
    assert found.steps == [5, 1] and found.score == Evaluated(5, -1.0, 0.0) == found.alone


def test_it_is_the_mean_of_every_tensor() -> None:
    found, _ = soup([9, 2, 1], lambda mean: -mean)
    assert found.steps == [9, 2, 1] and found.score.value > found.alone.value == -9.0
    torch.testing.assert_close(found.weights[0], torch.full((2, 2), 4.0))
    torch.testing.assert_close(found.weights[1], torch.tensor([(81.0 + 4.0 + 1.0) / 3]))
    assert float(TENSORS[9][1]) == 81.0


def test_lower_may_be_better_and_nan_never_is() -> None:
    assert soup([2, 9, 1], lambda mean: mean, greater=False)[0].steps == [2, 1]
    alone, _ = soup([2, 9], lambda mean: math.nan if mean > 2 else 0.1)
    assert alone.steps == [2] and torch.equal(alone.weights[0], TENSORS[2][0])
