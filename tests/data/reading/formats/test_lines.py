"""Plain text with one row in each line."""

from pathlib import Path

from luthier.data.reading.files import find_file
from luthier.data.reading.formats.lines import LineReader, open_lines
from luthier.data.reading.reader import Reading, open_text
from luthier.data.records import Record, Skipped
from tests.data.reading.rows import write


def opened(folder: Path, content: str | bytes, how: Reading | None = None) -> LineReader:
    path = write(folder, "t.txt", content)
    return open_lines(open_text(find_file("mine", path)), how or Reading())


def test_every_line_that_is_not_blank_is_a_row(tmp_path: Path) -> None:
    reader = opened(tmp_path, "one\r\n\r\n \t\n  two \nthree")
    assert reader.columns == ["text"]
    assert list(reader.records()) == [
        Record("mine", 1, {"text": "one"}),
        Record("mine", 2, {"text": "  two "}),
        Record("mine", 3, {"text": "three"}),
    ]
    assert list(reader.records()) == list(reader.records())


def test_a_broken_line_is_skipped_with_its_place(tmp_path: Path) -> None:
    first, second, third = opened(tmp_path, b"one\n\nbro\xffken\nthree\n").records()
    assert isinstance(second, Skipped)
    assert (second.row, second.reason) == (2, "encoding")
    assert second.detail.startswith("line 3: ")
    assert [row.values["text"] for row in (first, third) if isinstance(row, Record)] == ["one", "three"]


def test_what_is_found_out_is_said(tmp_path: Path) -> None:
    form, encoding = opened(tmp_path, "one\ntwo\n").decisions
    assert (form.what, form.value) == ("format", "text")
    assert form.why.endswith("; there are no blank lines between them")
    assert (encoding.what, encoding.value) == ("encoding", "utf-8")
    assert opened(tmp_path, "one\n", Reading(by_line=True)).decisions[0].why.endswith("; as given")
