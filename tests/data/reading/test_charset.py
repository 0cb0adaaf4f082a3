"""From bytes to lines of text: the encoding that is found, lines that are counted, and what is no text."""

import io
from pathlib import Path

import pytest

from luthier.data.reading import charset
from luthier.data.reading.charset import (
    CUT,
    INVALID,
    Encoding,
    Lines,
    find_encoding,
    find_newline,
    line_fault,
    strip_end,
)
from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from luthier.findings import Decision
from tests.data.reading.rows import outcome, write

TEXTS = {
    "utf-8": ("naïve café, 日本語, 🎻\n", "utf-8"),
    "utf-8-sig": ("naïve café\n", "utf-8-sig"),
    "utf-16": ("naïve 日本語 text\n", "utf-16"),
    "utf-16-le": ("a plain text with é\n" * 3, "utf-16-le"),
    "utf-16-be": ("a plain text with é\n" * 3, "utf-16-be"),
    "utf-32": ("naïve\n", "utf-32"),
    "latin-1": ("naïve café: très bon\n", "cp1252"),
    "cp1252": ("it\u2019s a \u201cgood\u201d one \u2013 for 5 €\n", "cp1252"),
    "cp1251": ("Очень хороший фильм, мне понравилось, спасибо всем за работу\n" * 5, "cp1251"),
    "shift_jis": ("これはとても良い映画でした。ありがとうございます。\n" * 5, "shift_jis"),
}


@pytest.mark.parametrize("written", TEXTS)
def test_encoding_round_trip(written: str) -> None:
    text, expected = TEXTS[written]
    found = find_encoding(text.encode(written), "data")
    assert found.name == expected
    assert found.decode(text.encode(written)) == text
    assert found.why


def test_a_few_bad_bytes_do_not_make_a_utf8_file_latin() -> None:
    assert find_encoding("müde, größer, schön\n".encode() * 5 + b"broken \xff here\n", "data").name == "utf-8"
    assert find_encoding(b"plain text\n" * 5 + b"broken \xff here\n", "data").name == "utf-8"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(SourceError, match="binary"):
        find_encoding(bytes(range(256)) * 4, "data")


def test_a_nul_or_a_control_character_does_not_make_a_text_binary() -> None:
    assert find_encoding(b"a text with a \0 in it\nand a \x01 too\n", "data").name == "utf-8"
    assert find_encoding(b"\x01\x02\x03" * 20, "data").name == "utf-8"  # every byte is ASCII


def test_a_mark_at_the_beginning_is_no_part_of_the_name() -> None:
    assert Encoding("utf-8-sig", "a mark").decision() == Decision("encoding", "utf-8", "a mark")


def test_bytes_that_are_no_text_are_marked_and_a_cut_end_is_left_out() -> None:
    assert Encoding("utf-8", "").decode(b"a\xffb" + "é".encode()[:1]) == f"a{INVALID}b"


def test_a_stream_keeps_its_line_ends_and_stays_open() -> None:
    stream = io.BytesIO("é\r\nb\rc".encode())
    with Encoding("utf-8", "").text(stream) as text:
        assert list(text) == ["é\r\n", "b\rc"]
    assert not stream.closed


def test_lines_are_counted_also_when_they_are_handed_back() -> None:
    lines = Lines(io.StringIO("a\nb\nc\n"))
    taken = [next(lines), next(lines)]
    assert lines.number == 2
    lines.give_back(taken)
    assert lines.number == 0
    assert list(lines) == ["a\n", "b\n", "c\n"]
    assert lines.number == 3


def test_a_line_without_end_is_cut_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charset, "LONGEST_LINE", 10)
    lines = Lines(io.StringIO("x" * 9 + "\n" + "x" * 10 + "\n" + "x" * 35 + "\nshort"))
    assert list(lines) == ["x" * 9 + "\n", CUT + "\n", CUT + "\n", "short"]
    assert lines.number == 4


def test_line_without_end_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charset, "LONGEST_LINE", 1_000)
    source = open_source(write(tmp_path, "t.txt", "short\n" + "x" * 5_000 + "\nshort\n"))
    assert outcome(source) == ["ok", "too-long", "ok"]


@pytest.mark.parametrize("line", ["", "\n", "fine\r\n", "naïve 日本語 🎻", "a\x01b", "\ufffd"])
def test_a_line_of_text_has_no_fault(line: str) -> None:
    assert line_fault(line) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nu\0l", "encoding"),
        (f"é{INVALID}", "encoding"),
        ("half \ud83d", "encoding"),
        (f"{CUT}\n", "too-long"),
    ],
)
def test_a_line_that_is_no_text_is_told_why(line: str, reason: str) -> None:
    fault = line_fault(line)
    assert fault is not None
    assert fault.reason == reason
    assert fault.detail


@pytest.mark.parametrize(
    ("line", "text"),
    [("a\n", "a"), ("a\r\n", "a"), ("a\r", "a"), ("a", "a"), ("a\n\n", "a\n"), (" a \t\n", " a \t"), ("\n", "")],
)
def test_one_line_end_is_taken_off(line: str, text: str) -> None:
    assert strip_end(line) == text


@pytest.mark.parametrize(
    ("sample", "newline"), [("a\nb", "\n"), ("a\r\nb", "\n"), ("a\rb\r", "\r"), ("a\rb\nc", "\n"), ("ab", "\n")]
)
def test_a_carriage_return_ends_lines_only_where_nothing_else_does(sample: str, newline: str) -> None:
    assert find_newline(sample) == newline
