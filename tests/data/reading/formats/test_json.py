"""JSON: lines, and one value for the whole file."""

import json
from pathlib import Path

import pytest

from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.errors import SourceError
from tests.data.reading.rows import outcome, rows, write


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
        '{"0": {"a": 1}, "1": {"a": 2}}': [[1], [2]],
        '{"first": {"a": 1}, "second": {"a": 2}}': [[1], [2]],
        '{"columns": ["a"], "data": [[1], [2]]}': [[1], [2]],
        '{"columns": ["a"], "index": [0, 1], "data": [[1], [2]]}': [[1], [2]],
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


ROWS = [{"text": f"a {i}", "more": {"list": [{"b": i}, {}], "brace": "}\n{"}} for i in range(5)]


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("between", ["\n", "", ",\n", "\n\n", "\r\n"])
def test_objects_one_after_the_other(tmp_path: Path, indent: int | None, between: str) -> None:
    text = between.join(json.dumps(row, indent=indent) for row in ROWS)
    for name in ("t.json", "t.jsonl", "t.txt"):
        source = open_source(write(tmp_path, name, text))
        assert [record.values for record in source.records() if isinstance(record, Record)] == ROWS


def test_a_damaged_object_among_others_is_a_skipped_row(tmp_path: Path) -> None:
    good = [json.dumps(row, indent=2) for row in ROWS]
    for damaged in (good[1][:-20], good[1].replace(":", "", 1), '{\n  "text": "a\n}'):
        source = open_source(write(tmp_path, "t.json", "\n".join([good[0], damaged, *good[2:]])))
        assert outcome(source) == ["ok", "invalid-json", "ok", "ok", "ok"]
    assert outcome(open_source(write(tmp_path, "t.json", "\n".join([*good, good[0][:-20]])))) == ["ok"] * 5 + [
        "invalid-json"
    ]


def test_one_object_over_many_lines_takes_linear_time_and_stays_one_value(tmp_path: Path) -> None:
    rows_ = "{\n" + '"rows": [\n' + ",\n".join(f'{{"a": "{i:0100}"}}' for i in range(20_000)) + "\n]}"
    assert len(rows(open_source(write(tmp_path, "t.json", rows_)))) == 20_000
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    source = open_source(write(tmp_path, "t.json", json.dumps({"id": 1, "messages": turns}, indent=2)))
    assert rows(source) == [[1, turns]]


def test_objects_are_sampled_where_they_begin(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(row, indent=2) for row in ROWS * 2_000)
    part = open_source(write(tmp_path, "t.json", text)).part(20_000)
    assert part is not None
    assert set(outcome(part[0])) == {"ok"}


def test_lists_of_cells_are_rows(tmp_path: Path) -> None:
    rated = open_source(write(tmp_path, "t.json", '[["fine", 1], ["worn", 0], [null, 1]]'))
    assert (rated.columns, rows(rated)) == (["column1", "column2"], [["fine", 1], ["worn", 0], [None, 1]])
    named = open_source(write(tmp_path, "n.json", '[["text", "stars"], ["fine", 1], ["worn", 0]]'))
    assert (named.columns, rows(named)) == (["text", "stars"], [["fine", 1], ["worn", 0]])
    pairs = open_source(write(tmp_path, "p.json", '[["dog", "chien"], ["cat", "chat"]]'))
    assert rows(pairs) == [["dog", "chien"], ["cat", "chat"]]
    for other in ('[["a", 1], ["b"]]', '[["a"], ["b"]]', '[["a", [1]], ["b", [2]]]', '[["a", 1]]'):
        assert set(outcome(open_source(write(tmp_path, "o.json", other)))) == {"not-an-object"}


def test_texts_as_keys_are_no_columns(tmp_path: Path) -> None:
    whole = write(tmp_path, "t.json", json.dumps({f"bow {i} is worn": i % 2 for i in range(20)}))
    with pytest.raises(SourceError, match="texts as its keys"):
        open_source(whole)
    assert len(rows(open_source(write(tmp_path, "o.json", json.dumps({f"bow_{i}": i for i in range(20)}))))) == 1


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
def test_a_comment_above_json_lines_is_a_skipped_row(tmp_path: Path, name: str) -> None:
    lines = ["// reviews of May", *(json.dumps({"text": f"text {i}", "label": "a"}) for i in range(4))]
    (tmp_path / name).write_text("\n".join(lines))
    source = open_source(tmp_path / name)
    assert source.format == "jsonl" and outcome(source) == ["invalid-json", *["ok"] * 4]


@pytest.mark.parametrize("below", ['[\n{"text": "a"},\n{"text": "b"}\n]', '{\n "text": ["a", "b"]\n}'])
def test_json_below_something_else_is_not_read_as_text(tmp_path: Path, below: str) -> None:
    (tmp_path / "a.json").write_text("/* reviews */\n" + below)
    with pytest.raises(SourceError, match="does not begin with"):
        open_source(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("text,label\nfine [or so],a\nbad,b\n")
    assert open_source(tmp_path / "a.json").format == "csv", "a wrong name"


def test_values_beside_the_rows_are_not_lost(tmp_path: Path) -> None:
    rows_ = [{"text": "a"}, {"text": "b"}]
    (tmp_path / "a.json").write_text(json.dumps({"data": rows_, "labels": [0, 1]}))
    with pytest.raises(SourceError, match="2 rows under 'data', and as many values under 'labels'"):
        open_source(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps({"data": rows_, "names": ["x", "y", "z"]}))
    assert rows(open_source(tmp_path / "a.json")) == [["a"], ["b"]]
