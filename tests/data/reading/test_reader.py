"""Every row of every format arrives exactly, as one record or as skipped."""

import bz2
import gzip
import json
import lzma
from contextlib import suppress
from pathlib import Path

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc

from luthier.data.reading import charset as encoding
from luthier.data.reading import reader
from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from tests.data.reading.rows import outcome, rows, tables, write

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(tables(ANY_TEXT))
def test_typed_tables_round_trip(tmp_path: Path, table: list[list[str]]) -> None:
    objects = [dict(zip("abc", row, strict=True)) for row in table]
    arrow = pyarrow.Table.from_pylist(objects)
    pyarrow.parquet.write_table(arrow, tmp_path / "t.parquet")
    pyarrow.feather.write_feather(arrow, str(tmp_path / "t.feather"))
    with ipc.new_stream(tmp_path / "t.arrow", arrow.schema) as stream:
        stream.write_table(arrow)
    write(tmp_path, "t.jsonl", "".join(json.dumps(one) + "\n" for one in objects))
    write(tmp_path, "t.ndjson", "".join(json.dumps(one, ensure_ascii=False) + "\r\n" for one in objects))
    write(tmp_path, "list.json", json.dumps(objects, indent=1))
    write(tmp_path, "data.json", json.dumps({"version": "1", "data": objects}))
    write(tmp_path, "columns.json", json.dumps({key: [one[key] for one in objects] for key in "abc"}))
    names = ["t.parquet", "t.feather", "t.arrow", "t.jsonl", "t.ndjson", "list.json", "data.json", "columns.json"]
    for name in names:
        source = open_source(tmp_path / name)
        assert source.columns == ["a", "b", "c"], name
        assert rows(source) == table, name


@FAST
@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("any.csv", "any.txt", "any.jsonl", "any"):
        path = write(tmp_path, name, content)
        with suppress(SourceError):
            source = open_source(path)
            read = list(source.records())
            assert [record.row for record in read] == list(range(1, len(read) + 1))
            assert list(source.records()) == read


def pack(name: str, content: bytes) -> bytes:
    if name == "zst":
        buffer = pyarrow.BufferOutputStream()
        with pyarrow.CompressedOutputStream(buffer, "zstd") as stream:
            stream.write(content)
        return buffer.getvalue().to_pybytes()
    return {"gz": gzip, "bz2": bz2, "xz": lzma}[name].compress(content)


@pytest.mark.parametrize("name", ["gz", "bz2", "xz", "zst"])
def test_compressed_files(tmp_path: Path, name: str) -> None:
    content = pack(name, b"text,label\nfine,1\nbad,0\n")
    for file in (f"t.csv.{name}", "t.csv", "t"):  # the content says that it is compressed, not the name
        source = open_source(write(tmp_path, file, content))
        assert rows(source) == [["fine", "1"], ["bad", "0"]]
        assert source.decisions[0].what == "compression"


@pytest.mark.parametrize("name", ["gz", "bz2", "xz", "zst"])
def test_damaged_compressed_files(tmp_path: Path, name: str) -> None:
    content = pack(name, "".join(f"text {n * n},{n % 7}\n" for n in range(20_000)).encode())
    # A zstd frame need not hold a checksum, so of its faults only a missing end is certain to be seen.
    changed = [] if name == "zst" else [content[:40] + b"\x00\xff\x55" * 20 + content[100:]]
    for damaged in (content[: len(content) // 2], content[:-1], *changed):
        with pytest.raises(SourceError, match="damaged"):
            list(open_source(write(tmp_path, f"t.csv.{name}", damaged)).records())


def test_compressed_parquet(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"]}), tmp_path / "t.parquet")
    packed = write(tmp_path, "u.parquet.gz", gzip.compress((tmp_path / "t.parquet").read_bytes()))
    assert rows(open_source(packed)) == [["a"], ["b"]]


def test_content_beats_extension(tmp_path: Path) -> None:
    tabs = open_source(write(tmp_path, "t.csv", "text\tlabel\none, two\t1\nthree\t0\n"))
    assert rows(tabs) == [["one, two", "1"], ["three", "0"]]
    lines = open_source(write(tmp_path, "t.json", '{"text": "a"}\n{"text": "b"}\n'))
    assert (lines.format, rows(lines)) == ("jsonl", [["a"], ["b"]])
    packed = write(tmp_path, "t.txt", (tmp_path / "t.json").read_bytes())
    assert open_source(packed).format == "jsonl"
    assert open_source(write(tmp_path, "song.txt", "[Chorus]\nla la la\n")).format == "text"


def test_bad_bytes_and_nul_set_one_row_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"caf\xc3\xa9,1"] * 10 + [b"bro\xffken,0", b"nu\x00l,0"] + [b"fine,1"] * 10
    for name, content in (
        ("t.csv", b"text,label\n" + b"\n".join(lines)),
        ("t.tsv", b"\n".join(lines).replace(b",", b"\t")),
    ):
        source = open_source(write(tmp_path, name, content))
        assert outcome(source) == ["ok"] * 10 + ["encoding"] * 2 + ["ok"] * 10
    monkeypatch.setattr(reader, "ENCODING_BYTES", 1 << 16)  # beyond it nobody looked when the file was opened
    far = open_source(write(tmp_path, "t.txt", b"plain text\n" * 10_000 + b"caf\xe9\n" + b"bro\xffken\n"))
    assert outcome(far) == ["ok"] * 10_000 + ["encoding"] * 2


def test_truncated_utf_16(tmp_path: Path) -> None:
    content = "".join(f"text {n}\t{n % 2}\n" for n in range(10)).encode("utf-16")[:-3]
    assert outcome(open_source(write(tmp_path, "t.tsv", content)))[-1] in ("encoding", "field-count")


def test_line_without_end_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "LONGEST_LINE", 1_000)
    source = open_source(write(tmp_path, "t.txt", "short\n" + "x" * 5_000 + "\nshort\n"))
    assert outcome(source) == ["ok", "too-long", "ok"]


def test_line_ends(tmp_path: Path) -> None:
    assert rows(open_source(write(tmp_path, "t.txt", "one\r\ntwo\r\n\r\n three \r\n"))) == [
        ["one"],
        ["two"],
        [" three "],
    ]
    assert rows(open_source(write(tmp_path, "t.txt", "one\rtwo\rthree"))) == [["one"], ["two"], ["three"]]
    odd = "one\x0btwo\x0cthree\x85four\u2028five"
    assert rows(open_source(write(tmp_path, "t.txt", odd + "\nsix\n"))) == [[odd], ["six"]]
    inside = open_source(write(tmp_path, "t.csv", 'text,label\none\rtwo,1\n"three\r\nfour",0\nfive,1\n'))
    assert rows(inside) == [["one\rtwo", "1"], ["three\r\nfour", "0"], ["five", "1"]]


def test_asked_for_beats_found(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "text,label\nfine,1\nbad,0\n")
    assert rows(open_source(path, how=Reading(header=False)))[0] == ["text", "label"]
    assert open_source(path, how=Reading(format="text")).columns == ["text"]
    assert open_source(path, how=Reading(separator=";")).columns == ["text,label"]
    with pytest.raises(SourceError, match="no format 'cvs'"):
        open_source(path, how=Reading(format="cvs"))
