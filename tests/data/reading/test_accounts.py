"""Every row of a file is read as one record or as skipped: what is broken is counted, whatever stands around it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import open_source
from tests.data.reading.rows import outcome, write

# What a file is made of: a good row, a kind of broken row by its reason, or "" for what is no row.
Unit = str
FAST = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
    header="sep=,\ntext,label\n",
    how=Reading(header=True),
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
    header="sep=\t\ntext\tlabel\n",
    how=Reading(header=True),
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
add("lines", "t.txt", {"ok": "fine\n", "": " \t\n", "encoding": "nu\0l\n"}, how=Reading(by_line=True))
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
