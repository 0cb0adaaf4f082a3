"""Every row of every format arrives exactly, as one record or one rejection."""

import bz2
import csv
import gzip
import io
import json
import lzma
from contextlib import suppress
from pathlib import Path

import openpyxl
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
from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LATIN = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12)
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tables(cells: st.SearchStrategy[str], width: int = 3) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(source: Source) -> list[list[object]]:
    """The values of a source without rejections, its numbers checked."""
    read = list(source.records())
    assert all(isinstance(record, Record) for record in read), read
    assert [record.row for record in read] == list(range(1, len(read) + 1))
    return [list(record.values.values()) for record in read if isinstance(record, Record)]


def outcome(source: Source) -> list[str]:
    """For each row `ok` or the reason it was skipped for."""
    read = list(source.records())
    assert [record.row for record in read] == list(range(1, len(read) + 1))
    return [record.reason if isinstance(record, Skipped) else "ok" for record in read]


def as_csv(table: list[list[str]], separator: str, newline: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator=newline).writerows(table)
    return text.getvalue()


@FAST
@given(
    tables(ANY_TEXT),
    st.sampled_from(",;|\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_quoted_tables_round_trip(
    tmp_path: Path, table: list[list[str]], separator: str, newline: str, codec: str
) -> None:
    text = as_csv([["text", "text2", "label"], *table], separator, newline)
    source = open_source(write(tmp_path, "table.csv", text.encode(codec)))
    assert source.columns == ["text", "text2", "label"]
    assert rows(source) == table


@FAST
@given(tables(LATIN))
def test_latin_1_tables_round_trip(tmp_path: Path, table: list[list[str]]) -> None:
    text = as_csv([["text", "text2", "label"], *table], ",", "\n")
    source = open_source(write(tmp_path, "table.csv", text.encode("latin-1")), how=Reading(encoding="latin-1"))
    assert rows(source) == table


@FAST
@given(tables(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n\r"), max_size=12), width=2))
def test_plain_tabs_round_trip(tmp_path: Path, table: list[list[str]]) -> None:
    """Where quotes are characters, nothing but tabs and line ends may not stand in a field."""
    plain = [[cell.replace('"', "''") for cell in row] for row in table]
    text = "".join(f"{'x'}\t{a}\t{b}\n" for a, b in plain)
    source = open_source(write(tmp_path, "table.tsv", text), how=Reading(separator="tab", header=False))
    assert rows(source) == [["x", *row] for row in plain]


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


def test_words_for_nothing_stay_text(tmp_path: Path) -> None:
    table = [["NA", "1"], ["null", "0"], ["None", "1"], ["nan", "0"], ["", "1"], [" kept ", "0"], ["N/A", "1"]]
    text = "text,label\n" + "".join(f"{a},{b}\n" for a, b in table)
    assert rows(open_source(write(tmp_path, "t.csv", text))) == table


def test_headerless_file_without_last_newline(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "t.tsv", "a fine film\t1\na bad film\t0\nthe end\t1"))
    assert source.columns == ["column1", "column2"]
    assert rows(source)[-1] == ["the end", "1"]
    assert [one.value for one in source.decisions if one.what == "header"] == ["no"]


def test_content_beats_extension(tmp_path: Path) -> None:
    tabs = open_source(write(tmp_path, "t.csv", "text\tlabel\none, two\t1\nthree\t0\n"))
    assert rows(tabs) == [["one, two", "1"], ["three", "0"]]
    lines = open_source(write(tmp_path, "t.json", '{"text": "a"}\n{"text": "b"}\n'))
    assert (lines.format, rows(lines)) == ("jsonl", [["a"], ["b"]])
    packed = write(tmp_path, "t.txt", (tmp_path / "t.json").read_bytes())
    assert open_source(packed).format == "jsonl"
    assert open_source(write(tmp_path, "song.txt", "[Chorus]\nla la la\n")).format == "text"


def test_ragged_rows_are_set_aside_with_their_line(tmp_path: Path) -> None:
    text = "text,label\n" + "fine,1\n" * 5 + "too,many,1\n\nfew\n" + "bad,0\n" * 5
    source = open_source(write(tmp_path, "t.csv", text))
    assert outcome(source) == ["ok"] * 5 + ["field-count"] * 2 + ["ok"] * 5
    skipped = [one for one in source.records() if isinstance(one, Skipped)]
    assert [one.detail for one in skipped] == ["line 7: 3 fields instead of 2", "line 9: 1 field instead of 2"]


def test_an_open_quote_swallows_nothing(tmp_path: Path) -> None:
    good = '"one, two",1\n' * 10
    for broken in ('"never closed,1\n', 'fine,"never closed\n'):
        source = open_source(write(tmp_path, "t.csv", "text,label\n" + good + broken + good + "plain,0\n" * 10))
        assert outcome(source) == ["ok"] * 10 + ["unclosed-quote"] + ["ok"] * 20
        detail = next(one.detail for one in source.records() if isinstance(one, Skipped))
        assert "line 12" in detail
    at_end = open_source(write(tmp_path, "t.csv", "text,label\n" + good + '"never closed,1\nplain,0\n'))
    assert outcome(at_end) == ["ok"] * 10 + ["unclosed-quote", "ok"]
    stray = open_source(write(tmp_path, "t.csv", "text,label\n" + good + '"Hello" she said,1\n' + good))
    assert outcome(stray) == ["ok"] * 10 + ["stray-quote"] + ["ok"] * 10


def test_an_open_quote_far_below_the_sample(tmp_path: Path) -> None:
    good = '"one, two",1\n' * 100_000
    source = open_source(write(tmp_path, "t.csv", "text,label\n" + good + '"never closed,1\n' + "plain,0\n" * 20_000))
    results = outcome(source)
    assert (results.count("ok"), results.count("unclosed-quote")) == (120_000, 1)


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


def test_json_lines_skipped(tmp_path: Path) -> None:
    lines = ['{"text": "ok"}', "{broken", "", "[1, 2]", '"text"', '{"text": "\\ud83d"}', '{"text": "\\ud83c\\udfbb"}']
    lines += ["[" * 100_000, '{"n": ' + "9" * 5_000 + "}"]
    source = open_source(write(tmp_path, "t.jsonl", "\n".join(lines)))
    expected = [
        "ok",
        "invalid-json",
        "not-an-object",
        "not-an-object",
        "encoding",
        "ok",
        "invalid-json",
        "invalid-json",
    ]
    assert outcome(source) == expected
    assert [one.values["text"] for one in source.records() if isinstance(one, Record)] == ["ok", "\U0001f3bb"]


def test_json_shapes(tmp_path: Path) -> None:
    shapes = {
        '{"examples": [{"a": 1}, {"a": 2}]}': [[1], [2]],
        '{"a": {"0": 1, "1": 2}}': [[1], [2]],
        '{"columns": ["a"], "data": [[1], [2]]}': [[1], [2]],
        '{"a": 1}': [[1]],
    }
    for text, expected in shapes.items():
        assert rows(open_source(write(tmp_path, "t.json", text))) == expected
    assert outcome(open_source(write(tmp_path, "t.json", '[{"a": 1}, 2, null]'))) == [
        "ok",
        "not-an-object",
        "not-an-object",
    ]
    bad = {'{"a": [1, 2], "b": [1]}': "differ in length", "[]": "no rows", "{": "not valid JSON", "3": ""}
    for text, message in bad.items():
        path = write(tmp_path, "t.json", text)
        if message:
            with pytest.raises(SourceError, match=message):
                open_source(path)


def test_label_names_stored_with_parquet(tmp_path: Path) -> None:
    features = {"text": {"_type": "Value"}, "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    table = pyarrow.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    assert rows(source) == [["a", "pos"], ["b", "neg"], ["c", None]]
    assert any(one.what == "values of label" for one in source.decisions)


def test_label_names_stored_for_lists(tmp_path: Path) -> None:
    classes = {"names": ["O", "B-PER"], "_type": "ClassLabel"}
    features = {
        "tokens": {"feature": {"_type": "Value"}, "_type": "List"},
        "tags": {"feature": classes, "_type": "List"},
    }
    table = pyarrow.table({"tokens": [["a", "b", "c"], []], "tags": [[1, 0, -1], []]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    assert rows(source) == [[["a", "b", "c"], ["B-PER", "O", None]], [[], []]]
    assert [one.what for one in source.decisions if one.what.startswith("values of")] == ["values of tags"]


def test_arrow_text_that_is_not_valid_utf8(tmp_path: Path) -> None:
    raw = pyarrow.array([b"fine", b"bro\xffken", b"good"]).view(pyarrow.string())
    with ipc.new_file(tmp_path / "t.arrow", pyarrow.schema([("text", pyarrow.string())])) as stream:
        stream.write_batch(pyarrow.record_batch([raw], names=["text"]))
    assert outcome(open_source(tmp_path / "t.arrow")) == ["ok", "encoding", "ok"]


def test_excel(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["fine", 1], [], ["bad", None], ["a", 1, "more"]):
        book.active.append(row)
    book.create_sheet("other")
    book.save(tmp_path / "t.xlsx")
    source = open_source(tmp_path / "t.xlsx")
    read = list(source.records())
    assert source.columns[:2] == ["text", "label"]
    assert [list(one.values.values())[:2] for one in read if isinstance(one, Record)][:2] == [
        ["fine", 1],
        ["bad", None],
    ]
    assert any(one.what == "sheet" for one in source.decisions)


def test_conll(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n \nPeter NNP B-PER\n\nlost O\n\nBlackburn NNP I-PER\n"
    source = open_source(write(tmp_path, "t.conll", text * 20))
    assert source.columns == ["tokens", "column2", "tags"]
    read = list(source.records())
    assert read[0].values == {"tokens": ["EU", "rejects"], "column2": ["NNP", "VBZ"], "tags": ["B-ORG", "O"]}
    assert outcome(source)[:4] == ["ok", "ok", "field-count", "ok"]
    assert "line 8" in read[2].detail


def test_asked_for_beats_found(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "text,label\nfine,1\nbad,0\n")
    assert rows(open_source(path, how=Reading(header=False)))[0] == ["text", "label"]
    assert open_source(path, how=Reading(format="text")).columns == ["text"]
    assert open_source(path, how=Reading(separator=";")).columns == ["text,label"]
    with pytest.raises(SourceError, match="no format 'cvs'"):
        open_source(path, how=Reading(format="cvs"))


def test_excel_states_its_separator(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "t.csv", "sep=;\r\ntext;label\r\nfine, yes;1\r\nbad;0\r\n"))
    assert source.columns == ["text", "label"]
    assert rows(source) == [["fine, yes", "1"], ["bad", "0"]]
