"""The likeliest pieces of a window, against a plain search."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.tasks.question_answering.extraction import ENDS, Candidate, best_spans

OUTSIDE = [-1, -1]
# A first token, three of the context, and one that ends the window.
OFFSETS = [OUTSIDE, [0, 3], [4, 8], [9, 12], OUTSIDE]


def found_in(start: list[float], end: list[float], offsets: list[list[int]], most: int = 30) -> list[Candidate]:
    return best_spans(np.array(start, dtype=np.float32), np.array(end, dtype=np.float32), offsets, most)


def test_a_piece_runs_from_its_first_token_to_its_last_and_has_both_scores() -> None:
    found = found_in([9, 1, 2, 0, 9], [9, 0, 1, 4, 9], OFFSETS)
    assert sorted(found) == [
        *(Candidate(0, 3, 1.0), Candidate(0, 8, 2.0), Candidate(0, 12, 5.0)),
        *(Candidate(4, 8, 3.0), Candidate(4, 12, 6.0), Candidate(9, 12, 4.0)),
    ]


@pytest.mark.parametrize(("most", "n"), [(1, 3), (2, 5), (3, 6)])
def test_a_piece_has_no_more_tokens_than_it_may(most: int, n: int) -> None:
    assert len(found_in([0] * 5, [0] * 5, OFFSETS, most)) == n


def test_a_token_of_no_letters_is_no_end_of_a_piece() -> None:
    found = found_in([0, 0, 0], [0, 0, 0], [[0, 3], [3, 3], [4, 8]])
    assert sorted(piece[:2] for piece in found) == [(0, 3), (0, 8), (4, 8)]


@pytest.mark.parametrize("offsets", [[OUTSIDE, OUTSIDE], [OUTSIDE, [0, 0]]])
def test_a_window_without_context_has_no_piece(offsets: list[list[int]]) -> None:
    assert found_in([1, 2], [2, 1], offsets) == []


def test_only_the_likeliest_ends_are_put_together() -> None:
    n = ENDS + 10
    offsets = [[i, i + 1] for i in range(n)]
    rising = [float(i) for i in range(n)]
    found = found_in(rising, rising, offsets, n)
    assert min(piece.start for piece in found) == 10
    assert len(found) == ENDS * (ENDS + 1) // 2


@given(st.lists(st.tuples(st.integers(-8, 8), st.integers(-8, 8), st.booleans()), max_size=ENDS), st.integers(1, 6))
def test_the_best_piece_is_that_of_a_search_of_all(tokens: list[tuple[int, int, bool]], most: int) -> None:
    offsets = [[i, i + 1] if inside else OUTSIDE for i, (_, _, inside) in enumerate(tokens)]
    starts, ends = ([float(token[which]) for token in tokens] for which in (0, 1))
    every = [
        Candidate(first, last + 1, starts[first] + ends[last])
        for first, last in ((i, j) for i in range(len(tokens)) for j in range(i, min(len(tokens), i + most)))
        if tokens[first][2] and tokens[last][2]
    ]
    assert sorted(found_in(starts, ends, offsets, most)) == sorted(every)
