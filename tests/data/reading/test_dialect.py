"""How lines are cut into fields: every line is in one row, and a broken quote swallows nothing."""

import io

import pytest

from luthier.data.reading import dialect as module
from luthier.data.reading.charset import Lines
from luthier.data.reading.dialect import STRAY, UNCLOSED, Dialect

COMMAS = Dialect(",")


def cut(dialect: Dialect, text: str) -> list[tuple[tuple[int, int], list[str]]]:
    """The rows of a text without a broken one: first and last line, and fields."""
    found = list(dialect.rows(Lines(io.StringIO(text))))
    assert all(row.fault is None for row in found)
    return [(row.lines, row.fields) for row in found]


def test_quoted_fields_may_hold_separators_line_ends_and_doubled_quotes() -> None:
    text = 'a,"b, c"\n\n"d\n""e""",\n'
    assert cut(COMMAS, text) == [((1, 1), ["a", "b, c"]), ((3, 4), ['d\n"e"', ""])]


def test_a_backslash_escapes_where_quotes_are_not_doubled() -> None:
    assert cut(Dialect(",", escape="\\"), '"he said \\"yes, no\\"",1\n') == [((1, 1), ['he said "yes, no"', "1"])]


def test_blanks_after_a_separator_are_left_out_only_where_the_dialect_says_so() -> None:
    assert cut(Dialect(",", skip_blank=True), '1, "a, b"\n') == [((1, 1), ["1", "a, b"])]
    assert cut(COMMAS, "1, a\n") == [((1, 1), ["1", " a"])]


def test_quotes_that_are_characters_stay_in_their_field() -> None:
    assert cut(Dialect("\t", quote=""), '"a\tb"\r\n\n"c\t\n') == [((1, 1), ['"a', 'b"']), ((3, 3), ['"c', ""])]


def test_without_a_separator_a_line_is_one_field() -> None:
    assert cut(Dialect("", quote=""), "a, b\tc\n") == [((1, 1), ["a, b\tc"])]
    assert cut(Dialect(""), '"a, b"\nc\n') == [((1, 1), ["a, b"]), ((2, 2), ["c"])]


def test_a_carriage_return_inside_a_field_is_text() -> None:
    assert cut(COMMAS, "one\rtwo,1\nthree,2\n") == [((1, 1), ["one\rtwo", "1"]), ((2, 2), ["three", "2"])]


@pytest.mark.parametrize(("broken", "reason"), [('"never closed,1\n', UNCLOSED), ('"a" and more,1\n', STRAY)])
def test_a_broken_quote_costs_one_line(broken: str, reason: str) -> None:
    found = list(COMMAS.rows(Lines(io.StringIO("a,1\n" + broken + "b,2\nc,3\n"))))
    assert [row.fault.reason if row.fault else row.fields for row in found] == [
        ["a", "1"],
        reason,
        ["b", "2"],
        ["c", "3"],
    ]
    assert [row.lines for row in found] == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_a_quote_that_is_open_for_too_many_lines_counts_as_never_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 3)
    found = list(COMMAS.rows(Lines(io.StringIO('"a\nb,1\nc,2\nd",3\n'))))
    assert found[0].fault is not None
    assert (found[0].lines, found[0].fault.reason) == ((1, 1), UNCLOSED)
    assert [row.fields for row in found[1:3]] == [["b", "1"], ["c", "2"]]


@pytest.mark.parametrize("dialect", [COMMAS, Dialect(",", quote="")])
def test_a_line_that_is_no_text_is_a_row_with_a_fault(dialect: Dialect) -> None:
    first, second = dialect.rows(Lines(io.StringIO("nu\0l,1\nfine,2\n")))
    assert first.fault is not None
    assert (first.lines, first.fault.reason) == ((1, 1), "encoding")
    assert (second.fields, second.fault) == (["fine", "2"], None)


def test_a_broken_quote_in_a_line_that_is_no_text_is_the_lesser_fault() -> None:
    first, second = COMMAS.rows(Lines(io.StringIO('"nu\0l,1\nfine,2\n')))
    assert first.fault is not None
    assert first.fault.reason == "encoding"
    assert second.fields == ["fine", "2"]
