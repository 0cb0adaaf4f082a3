"""Prose in blocks is told from rows in lines, and headings from what stands below them."""

import pytest

from luthier.data.reading.prose import block_starts, is_heading, reads_as_prose, title_of

LINE = "a line of verse"
SENTENCE = "This is a sentence that is long enough to be a paragraph that stands alone."


@pytest.mark.parametrize(
    ("line", "title"),
    [
        *(("ACT I", "ACT I"), ("SCENE II.", "SCENE II."), ("CHAPTER 3", "CHAPTER 3"), ("IV.", "IV."), ("XIV", "XIV")),
        *(("# A title", "A title"), ("### Deep", "Deep"), ("Chapter One: The Storm", "Chapter One: The Storm")),
        *(
            ("Chapter 12 The Storm", "Chapter 12 The Storm"),
            ("PROLOGUE", "PROLOGUE"),
            ("The First Act", "The First Act"),
        ),
        *(("Act V, Scene 2", "Act V, Scene 2"), ("***", ""), ("* * *", ""), ("-----", ""), ("\u2042", "")),
    ],
)
def test_lines_that_are_headings(line: str, title: str) -> None:
    assert is_heading(line)
    assert title_of(line) == title


@pytest.mark.parametrize(
    "line",
    [
        *("First Citizen:", "Part of the way", "Part I liked best was this", "#hashtag", "I am here", "Book two rooms"),
        *("Chapters are long", "act", "* one item", "- a - b", "", "MMMMM", "Acting one", "# " + "x" * 200),
    ],
)
def test_lines_that_are_none(line: str) -> None:
    assert not is_heading(line)
    assert title_of(line) == ""


def test_a_block_starts_after_a_blank_line() -> None:
    assert list(block_starts(["a", "b", "", " ", "c", "\t", "d", "e"])) == ["a", "c", "d"]
    assert list(block_starts(["", "a"])) == ["a"]
    assert list(block_starts([])) == []


def test_nothing_to_decide_on() -> None:
    assert reads_as_prose([]) == (False, "there are no blank lines between them")


def blocks(*sizes: int, line: str = LINE) -> list[str]:
    """Blocks of so many lines each, with a blank line between."""
    return [one for size in sizes for one in (*[line] * size, "")]


@pytest.mark.parametrize(
    ("lines", "evidence"),
    [
        (blocks(4, 4, 4), "4.0 lines"),
        (blocks(5, 8), "6.5 lines"),
        (["Chapter 1", "", SENTENCE, "", "Chapter 2", "", SENTENCE, "", SENTENCE], "2 headings"),
        (blocks(*[1] * 12, line="x" * 120), "120 characters"),
        (["ACT I", "", *[LINE] * 200], "100.5 lines"),  # a heading makes up for missing blank lines
    ],
)
def test_blocks_headings_and_long_lines_make_prose(lines: list[str], evidence: str) -> None:
    found, why = reads_as_prose(lines)
    assert found, why
    assert evidence in why


@pytest.mark.parametrize(
    "lines",
    [
        [LINE] * 50,  # no blank line
        blocks(2, 3, 2),  # too few lines
        blocks(*[1] * 20),  # rows with a blank line between
        blocks(*[1] * 12, line="x" * 119),
        ["I", "", "II", "", "III", "", "IV", ""],  # a list of numbers
        blocks(100, 100),  # a blank line here and there
    ],
)
def test_rows_are_no_prose(lines: list[str]) -> None:
    found, why = reads_as_prose(lines)
    assert not found
    assert why
