"""JSON: lines, and one value for the whole file."""

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
