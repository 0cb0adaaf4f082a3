"""The small parts of messages: examples, row numbers, verbs."""

from itertools import count

from luthier.data.checks.wording import MOST_ROWS, are, have, part_of, quote, row_numbers


def test_an_example_stands_on_one_line_and_is_cut() -> None:
    assert quote("a\n  film ") == '"a film"'
    assert quote("x" * 80) == f'"{"x" * 80}"'
    assert quote("x" * 81) == f'"{"x" * 79}…"'


def test_rows_have_the_numbers_of_their_source_in_order() -> None:
    assert row_numbers([1, 0, 3], [70, 30, 50, 10]) == (10, 30, 70)


def test_no_more_rows_are_looked_at_than_are_named() -> None:
    assert row_numbers(count(), range(1, 100)) == tuple(range(1, MOST_ROWS + 1))


def test_verbs_agree_with_the_number() -> None:
    assert [are(n) for n in (0, 1, 2)] == ["are", "is", "are"]
    assert [have(n) for n in (0, 1, 2)] == ["have", "has", "have"]


def test_a_part_is_told_with_its_share() -> None:
    assert part_of(1, 3, "row") == "1 of 3 rows (33.3 %)"
