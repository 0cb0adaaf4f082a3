"""Average the weights of several checkpoints, as far as that helps."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.optim.swa_utils import get_swa_multi_avg_fn

from luthier.engines.ranking import Evaluated

Weights = list[Tensor]


@dataclass(frozen=True)
class Soup:
    """An average of checkpoints.

    Args:
        weights: The average.
        steps: The checkpoints in it, best first; a single one if no other helps.
        score: The evaluation of the average.
        alone: The evaluation of the best checkpoint by itself, under the same conditions.
    """

    weights: Weights
    steps: list[int]
    score: Evaluated
    alone: Evaluated


def greedy_soup(
    steps: Sequence[int],
    weights: Callable[[int], Weights],
    score: Callable[[Weights, int], Evaluated],
    *,
    greater: bool,
) -> Soup:
    """Average checkpoints uniformly, from the best one on; one that makes the average worse is left out.

    The greedy soup of Wortsman et al. 2022 (arXiv:2203.05482, recipe 1), over the checkpoints of one training as in
    Vaswani et al. 2017 (arXiv:1706.03762, section 6.1).

    Args:
        steps: The steps of the checkpoints, best first.
        weights: Returns the weights of a checkpoint, as tensors of its own.
        score: Evaluates weights; the step is that of the best checkpoint.
        greater: Whether a higher value of the metric is better.
    """
    best, *others = steps
    mean, used = weights(best), [best]
    found = alone = score(mean, best)
    average = get_swa_multi_avg_fn()
    for step in others:
        tried = [one.clone() for one in mean]
        average(tried, weights(step), len(used))
        value = score(tried, best)
        if not math.isnan(value.value) and not found.beats(value, greater=greater):
            mean, used, found = tried, [*used, step], value
    return Soup(mean, used, found, alone)
