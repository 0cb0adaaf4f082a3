"""Lines above the header of a table."""

import io

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.reading.choose import open_file
from luthier.data.reading.files import find_file
from luthier.data.reading.reader import Reading
from luthier.data.reading.titles import said, titles_above, titles_of_lines
from luthier.data.records import Record

SEPARATORS = ("\t", ",", ";", "|")
ROWS = [["text", "label"], ["It sounds well", "good"], ["It buzzes", "bad"], ["It is fine", "good"]]


def lines(separator: str) -> list[str]:
    return [separator.join(row) for row in ROWS]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize(
    "above",
    [
        ["Export from CRM"],
        ["# exported by tool 1.2", "# license: none"],
        ["// a, b; c"],
        ["# exported, 2024; once"],
        ["Report", "", "01.05.2024", ""],
        ["Report"] * 20,
    ],
)
def test_titles_and_comments(separator: str, above: list[str]) -> None:
    assert titles_of_lines([*above, *lines(separator)], SEPARATORS) == len(above)


@given(st.lists(st.lists(st.sampled_from(["", " ", "a", "#", "text", "label", "1"]), max_size=4), max_size=30))
def test_any_rows(rows: list[list[str]]) -> None:
    assert 0 <= titles_above([row or [""] for row in rows]) <= 20


@pytest.mark.parametrize(
    "rows",
    [
        lines("\t"),
        lines("\t")[1:],
        ["# Heading", "", "Prose, with commas.", "More, of it.", "And, more."],
        ["#id\ttext\tlabel", "1\tfine\tgood", "2\tbad\tbad"],
        ["text", "alone", "in its column"],
        ["# sent 1", "Anna\tB-PER", "sang\tO", "", "# sent 2", "Bert\tB-PER", "sang\tO", ""],
        ["Report"] * 21 + lines(","),
        [],
        [""],
    ],
)
def test_other_lines(rows: list[str]) -> None:
    assert titles_of_lines(rows, SEPARATORS) == 0


def test_comments_need_no_header() -> None:
    assert titles_of_lines(["# a", *lines("\t")[1:]], SEPARATORS) == 1
    assert titles_of_lines(["A title", *lines("\t")[1:]], SEPARATORS) == 0


def test_a_name_and_a_value_below_a_title() -> None:
    assert titles_above([["Report", ""], ["Date", "01.05.2024"], *ROWS]) == 2


def test_the_decision_quotes_them() -> None:
    assert said([]) == []
    (decision,) = said(["# a", "", "# b"])
    assert (decision.value, decision.why) == ("3 lines skipped", "no rows: '# a # b'")


def test_the_readers_skip_them(tmp_path) -> None:
    text = tmp_path / "rows.csv"
    text.write_text('sep=;\nReport;\n\ntext;label\n"a;b";good\nc;bad\nd;good\n')
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in [["Report"], [], *ROWS]:
        book.active.append(row)
    book.save(stream)
    sheet = tmp_path / "rows.xlsx"
    sheet.write_bytes(stream.getvalue())
    for path, first in ((text, {"text": "a;b", "label": "good"}), (sheet, dict(zip(*ROWS[:2], strict=True)))):
        reader = open_file(find_file(str(path), path), Reading())
        found = list(reader.records())
        assert [row.row for row in found] == [1, 2, 3]
        assert isinstance(found[0], Record) and found[0].values == first
        assert "above the header" in [decision.what for decision in reader.decisions]
