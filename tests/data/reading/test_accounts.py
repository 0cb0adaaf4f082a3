"""Every row of a file is read as one record or as skipped: what is broken is counted, whatever stands around it."""

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from datasets import Dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.data.reading.discover import discover
from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import Source, open_source
from tests.data.reading.rows import outcome, rows, write

# What a file is made of: a good row, a kind of broken row by its reason, or "" for what is no row.
Unit = str
FAST = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def joined(pieces: dict[Unit, str]) -> Callable[[list[Unit]], bytes]:
    return lambda units: "".join(pieces[unit] for unit in units).encode("utf-8", "surrogateescape")


def article(*qas: object, context: object = "Oslo is far.") -> dict[str, object]:
    return {"title": "t", "paragraphs": [{"context": context, "qas": list(qas)}]}


QUESTION = {"question": "Where?", "answers": [{"text": "Oslo", "answer_start": 0}]}
LIST_ROWS = {"ok": ["fine", "1"], "field-count": ["few"], "not-a-list": "text"}
ARTICLES = {
    "ok": article(QUESTION),
    "missing-question": article({"id": 3}),
    "missing-context": article(QUESTION, context=None),
    "invalid-answer": article(QUESTION | {"answers": [{"text": "Oslo"}]}),
    "not-an-article": {"title": "t"},
    "": article(),
}
FIRST = 12  # good rows that every file begins with, so that its format shows
# Name of the file, how it is opened, each unit, how units become bytes.
FILES: dict[str, tuple[str, Reading | None, dict[Unit, object], Callable[[list[Unit]], bytes]]] = {}


def add(name: str, file: str, pieces: dict[Unit, str], header: str = "", how: Reading | None = None) -> None:
    start = header + pieces["ok"] * FIRST
    FILES[name] = (file, how, dict(pieces), lambda units: start.encode() + joined(pieces)(units))


add(
    "quoted CSV",
    "t.csv",
    {
        "ok": '"fine, yes",1\n',
        "field-count": "too,many,of,them\n",
        "": "   \n\n",
        "repeated-header": "text,label\n",
        "encoding": "nu\0l,1\n",
    },
    header="text,label\n",
    how=Reading(separator=",", header=True),
)
add(
    "TSV",
    "t.tsv",
    {
        "ok": 'a "fine" film\t1\n',
        "field-count": "too\tmany\t1\n",
        "": "\n",
        "repeated-header": "text\tlabel\n",
        "encoding": "nu\0l\t1\n",
    },
    header="text\tlabel\n",
    how=Reading(separator="tab", header=True),
)
add(
    "JSON lines",
    "t.jsonl",
    {
        "ok": '{"text": "fine"}\n',
        "": " \n",
        "invalid-json": "{broken\n",
        "not-an-object": "[1]\n",
        "encoding": '{"text": "\\ud83d"}\n',
    },
)
add("lines", "t.txt", {"ok": "fine\n", "": " \t\n", "encoding": "nu\0l\n"}, how=Reading(format="lines"))
add(
    "CoNLL",
    "t.conll",
    {
        "ok": "EU B-ORG\nrejects O\n\n",
        "": "\n",
        "field-count": "lost\n\n",
        "encoding": "nu\0l O\n\n",
    },
)
add(
    "CoNLL with documents",
    "t.conll",
    {"ok": "EU B-ORG\nrejects O\n-DOCSTART- O\n", "": "-DOCSTART- O\n", "field-count": "lost\n-DOCSTART- O\n\n"},
)
FILES["JSON"] = (
    "t.json",
    None,
    {"ok": {"text": "fine"}, "not-an-object": 3, "encoding": {"text": "\ud83d"}},
    lambda units: json.dumps([{"text": "x"}] * FIRST + [*(FILES["JSON"][2][unit] for unit in units)]).encode(),
)
FILES["JSON of columns and data"] = (
    "t.json",
    None,
    dict(LIST_ROWS),
    lambda units: json.dumps(
        {"columns": ["text", "label"], "data": [["x", "1"]] * FIRST + [LIST_ROWS[unit] for unit in units]}
    ).encode(),
)
FILES["SQuAD"] = (
    "t.json",
    None,
    dict(ARTICLES),
    lambda units: json.dumps({"data": [article(QUESTION)] * FIRST + [ARTICLES[unit] for unit in units]}).encode(),
)
FILES["SQuAD lines"] = (
    "t.jsonl",
    None,
    ARTICLES | {"invalid-json": "{"},
    lambda units: "".join(
        (line if isinstance(line, str) else json.dumps(line)) + "\n"
        for line in [article(QUESTION)] * FIRST + [FILES["SQuAD lines"][2][unit] for unit in units]
    ).encode(),
)


@pytest.mark.parametrize("kind", FILES)
@FAST
@given(data=st.data())
def test_broken_rows_are_counted(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    name, how, pieces, content = FILES[kind]
    units = data.draw(st.lists(st.sampled_from(list(pieces)), max_size=10))
    source = open_source(write(tmp_path, name, content(units)), how=how)
    assert outcome(source) == ["ok"] * FIRST + [unit for unit in units if unit]


@FAST
@given(st.lists(st.sampled_from(["ok", "field-count", "repeated-header", ""]), max_size=8))
def test_excel(tmp_path: Path, units: list[Unit]) -> None:
    cells = {"ok": ["fine", 1], "field-count": ["a", 2, *[None] * 5, "more"], "repeated-header": ["text", "label"]}
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["x", 1], *[["y", 0]] * 100, *(cells.get(unit, []) for unit in units)):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert outcome(open_source(tmp_path / "t.xlsx")) == ["ok"] * 101 + [unit for unit in units if unit]


@FAST
@given(st.lists(st.sampled_from(["ok", "encoding"]), min_size=1, max_size=8))
def test_parallel_files(tmp_path: Path, units: list[Unit]) -> None:
    pieces = {"ok": "Ein Satz.\n", "encoding": "nu\0l\n"}
    files = [
        write(tmp_path, "t.de", "".join(pieces[unit] for unit in units)),
        write(tmp_path, "t.en", "x\n" * len(units)),
    ]
    (source,) = discover(files)["train"]
    assert (source.format, outcome(source)) == ("parallel", units)


@pytest.mark.parametrize("folder", [False, True])
def test_two_files_of_one_language_are_both_read(tmp_path: Path, folder: bool) -> None:
    files = [write(tmp_path, "t.de.txt", "Eins.\n"), write(tmp_path, "t_de.txt", "Zwei.\n")]
    sources = discover([tmp_path] if folder else files)["train"]
    assert sorted(row for source in sources for row in rows(source)) == [["Eins."], ["Zwei."]]


def test_columnar_files_and_saved_sets(tmp_path: Path) -> None:
    text = pyarrow.array([b"fine", b"bro\xffken", b"good", b"fine"]).view(pyarrow.string())
    dates = pyarrow.array([0, 0, 10**8, 0], pyarrow.date32())
    table = pyarrow.table({"text": text, "day": dates})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    expected = ["ok", "encoding", "invalid-value", "ok"]
    assert outcome(open_source(tmp_path / "t.parquet")) == expected
    Dataset(table).save_to_disk(tmp_path / "saved")
    assert outcome(open_source(tmp_path / "saved")) == expected


def test_class_folders(tmp_path: Path) -> None:
    for name, content in {"pos/1.txt": b"fine", "pos/2.txt": b"nu\0l", "neg/3.txt": b"", "neg/4.txt": b"bad"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path, name, content)
    assert outcome(open_source(tmp_path)) == ["ok", "ok", "ok", "encoding"]


def test_passages(tmp_path: Path) -> None:
    blocks = ["A line of prose.\nAnd one more line.\n"] * 400
    blocks[100] = "A line that holds nu\0l.\nAnd one more line.\n"
    source = open_source(write(tmp_path, "t.txt", "\n".join(blocks)))
    found = outcome(source)
    assert source.decisions[0].value == "text in passages"
    assert found.count("encoding") == 1
    kept = "\n\n".join(str(row[0]) for row in _records(source))
    lost = len(blocks) - kept.count("A line of prose.")
    assert 0 < lost < 4_000 / len(blocks[0]) + 1


def _records(source: Source) -> list[list[object]]:
    return [list(row.values.values()) for row in source.records() if hasattr(row, "values")]


def test_a_question_without_context_is_skipped_and_so_is_the_next(tmp_path: Path) -> None:
    lost = article(QUESTION, QUESTION, context=None)
    source = open_source(write(tmp_path, "t.json", json.dumps({"data": [article(QUESTION), lost]})))
    assert outcome(source) == ["ok", "missing-context", "missing-context"]


def test_a_quoted_empty_field_is_a_row_and_a_blank_line_is_none(tmp_path: Path) -> None:
    text = "text,label\n" + 'fine,"1"\n' * 10 + '""\n   \n' + "bad,0\n"
    source = open_source(write(tmp_path, "t.csv", text), how=Reading(separator=",", header=True))
    assert outcome(source) == ["ok"] * 10 + ["field-count", "ok"]


def test_the_name_of_the_only_column_may_be_a_value(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "t.csv", "word\nfine\nword\nbad\n"), how=Reading(header=True))
    assert rows(source) == [["fine"], ["word"], ["bad"]]
