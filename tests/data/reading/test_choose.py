"""The format of a file is decided by its content."""

import gzip
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from luthier.data.reading.choose import open_file
from luthier.data.reading.files import find_file
from luthier.data.reading.reader import Reader, Reading
from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from tests.data.reading.rows import rows, write

TABLE = "text,label\nfine,1\nbad,0\n"


def opened(path: Path, how: Reading | None = None) -> Reader:
    return open_file(find_file(path.name, path), how or Reading())


def test_content_beats_extension(tmp_path: Path) -> None:
    tabs = open_source(write(tmp_path, "t.csv", "text\tlabel\none, two\t1\nthree\t0\n"))
    assert rows(tabs) == [["one, two", "1"], ["three", "0"]]
    lines = open_source(write(tmp_path, "t.json", '{"text": "a"}\n{"text": "b"}\n'))
    assert (lines.format, rows(lines)) == ("jsonl", [["a"], ["b"]])
    packed = write(tmp_path, "t.txt", (tmp_path / "t.json").read_bytes())
    assert open_source(packed).format == "jsonl"
    assert open_source(write(tmp_path, "song.txt", "[Chorus]\nla la la\n")).format == "text"


def test_what_is_known_beats_what_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", TABLE)
    assert rows(open_source(path, how=Reading(header=False)))[0] == ["text", "label"]


def test_the_first_bytes_beat_the_extension(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "t.csv")
    assert opened(tmp_path / "t.csv").format == "parquet"


@pytest.mark.parametrize(("content", "what"), [(b"", "the file is empty"), (b"%PDF-1.7 more", "PDF")])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    for how in (Reading(), Reading(by_line=True)):
        with pytest.raises(SourceError, match=what):
            opened(write(tmp_path, "t.txt", content), how)


def test_a_compression_is_the_first_thing_said(tmp_path: Path) -> None:
    found = opened(write(tmp_path, "t.csv", gzip.compress(TABLE.encode()))).decisions
    assert [(one.what, one.value) for one in found[:2]] == [("compression", "gzip"), ("format", "CSV")]
