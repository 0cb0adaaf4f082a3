"""Every row of every format arrives exactly, as one record or as skipped."""

import json
from contextlib import suppress
from pathlib import Path

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc

from luthier.data.reading import reader
from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from tests.data.reading.rows import outcome, rows, tables, write

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
FAST = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
