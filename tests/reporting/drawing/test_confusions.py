"""A confusion matrix in order: the most confused classes first, nothing lost, shares beside the counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.reporting.drawing.confusions import MOST_LABELS, MOST_PAIRS, Pair, Square, arrange
from luthier.reporting.panels import Confusion


def square_matrix(n: int) -> st.SearchStrategy[list[list[int]]]:
    return st.lists(st.lists(st.integers(0, 30), min_size=n, max_size=n), min_size=n, max_size=n)


@given(st.integers(1, 20).flatmap(square_matrix))
def test_an_arranged_matrix_keeps_every_row(counts: list[list[int]]) -> None:
    n = len(counts)
    found = arrange(Confusion([f"c{i}" for i in range(n)], counts))
    assert found.total == sum(map(sum, counts))
    assert found.errors == found.total - sum(counts[i][i] for i in range(n))
    for label, row in zip(found.labels, found.rows, strict=True):
        assert sum(cell.count for cell in row) == sum(counts[int(label[1:])])
        shares = [cell.share for cell in row if cell.share is not None]
        assert not shares or sum(shares) == pytest.approx(1)
    assert len(found.labels) + found.hidden == n
    sizes = [pair.count for pair in found.pairs]
    assert sizes == sorted(sizes, reverse=True) and all(sizes)


def test_a_class_is_confused_by_the_rows_it_lost_and_the_rows_it_took() -> None:
    # a lost 1; b took 1 and lost 3; c took 3: so 1, 4 and 3.
    found = arrange(Confusion(["a", "b", "c"], [[9, 1, 0], [0, 5, 3], [0, 0, 2]]))
    assert found.labels == found.columns == ("b", "c", "a")
    assert [[cell.count for cell in row] for row in found.rows] == [[5, 3, 0], [0, 2, 0], [1, 0, 9]]
    assert [[cell.right for cell in row].index(True) for row in found.rows] == [0, 1, 2]
    assert found.rows[0][1] == Square(3, 0.375, right=False) and found.rows[2][0] == Square(1, 0.1, right=False)
    assert found.pairs == (Pair("b", "c", 3, 0.375), Pair("a", "b", 1, 0.1))
    assert (found.errors, found.total, found.hidden) == (4, 20, 0)


def test_classes_that_are_confused_alike_keep_their_order() -> None:
    found = arrange(Confusion(["z", "m", "a"], [[1, 1, 1]] * 3))
    assert found.labels == ("z", "m", "a")
    assert [(pair.gold, pair.predicted) for pair in found.pairs][:3] == [("z", "m"), ("z", "a"), ("m", "z")]


def test_of_many_classes_the_least_confused_are_counted_together() -> None:
    # Class i loses i rows to class 0, so that 0 comes first and 1 and 2 are left out.
    n = MOST_LABELS + 2
    counts = [[i if j == 0 and i else 50 * (i == j) for j in range(n)] for i in range(n)]
    found = arrange(Confusion([f"c{i}" for i in range(n)], counts))
    assert found.labels == ("c0", *(f"c{i}" for i in range(n - 1, 2, -1)))
    assert found.columns == (*found.labels, "others") and found.hidden == 2
    assert all(len(row) == MOST_LABELS + 1 and row[-1].count == 0 for row in found.rows)
    assert [pair.count for pair in found.pairs] == list(range(n - 1, n - 1 - MOST_PAIRS, -1))
    counts[0][1] = 1
    assert arrange(Confusion([f"c{i}" for i in range(n)], counts)).rows[0][-1].count == 1


def test_a_class_without_rows_has_no_shares() -> None:
    found = arrange(Confusion(["a", "b"], [[0, 0], [4, 0]]))
    row = found.rows[found.labels.index("a")]
    assert [cell.share for cell in row] == [None, None] and [cell.heat for cell in row] == [0, 0]


@pytest.mark.parametrize(
    ("count", "share", "heat"), [(0, 0.0, 0), (1, 0.001, 1), (1, 0.26, 3), (9, 0.94, 9), (9, 1.0, 10), (0, None, 0)]
)
def test_any_row_at_all_shows(count: int, share: float | None, heat: int) -> None:
    assert Square(count, share, right=False).heat == heat


def test_no_classes_are_an_empty_matrix() -> None:
    found = arrange(Confusion([], []))
    assert (found.labels, found.rows, found.pairs, found.total) == ((), (), (), 0)
