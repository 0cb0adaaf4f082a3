"""The most likely answer spans of a context, by the scores of their first and last tokens."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ENDS = 20  # best first and last tokens to combine, as in the SQuAD scripts


class Candidate(NamedTuple):
    """A span of a context, in characters, and its score (the sum of two logits)."""

    start: int
    end: int
    score: float


def best_spans(
    start: NDArray[np.float32], end: NDArray[np.float32], offsets: Sequence[Sequence[int]], most_tokens: int
) -> list[Candidate]:
    """The candidate spans of one window.

    Args:
        start: [s] score of each token as the first token of the answer.
        end: [s] score of each token as the last token of the answer.
        offsets: [s] start and end of each token in the context; -1 for tokens outside it.
        most_tokens: Maximum tokens of an answer.
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
