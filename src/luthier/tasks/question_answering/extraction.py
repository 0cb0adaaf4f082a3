"""The likeliest pieces of a context by the scores of their first and last tokens."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ENDS = 20  # likeliest first tokens and last tokens that are put together, as in the SQuAD scripts


class Candidate(NamedTuple):
    """A piece of a context, in characters, and its score (the sum of two logits)."""

    start: int
    end: int
    score: float


def best_spans(
    start: NDArray[np.float32], end: NDArray[np.float32], offsets: Sequence[Sequence[int]], most_tokens: int
) -> list[Candidate]:
    """The candidates of one window.

    Args:
        start: [s] score of each token as the first one of the answer.
        end: [s] the same as the last one.
        offsets: [s] place of each token in the context; -1 for tokens that are not of it.
        most_tokens: That an answer may have.
    """
    inside = np.array([first >= 0 and last > first for first, last in offsets])
    if not inside.any():
        return []
    firsts, lasts = (_top(scores, inside) for scores in (start, end))
    return [
        Candidate(offsets[first][0], offsets[last][1], float(start[first] + end[last]))
        for first in firsts
        for last in lasts
        if first <= last < first + most_tokens
    ]


def _top(scores: NDArray[np.float32], inside: NDArray[np.bool_]) -> list[int]:
    masked = np.where(inside, scores, -np.inf)
    order = np.argsort(-masked, kind="stable")[: min(ENDS, int(inside.sum()))]
    return [int(i) for i in order]
