import json

from luthier.data.reading.choose import open_file
from luthier.data.reading.files import find_file
from luthier.data.reading.reader import Reading


def test_a_sample_is_converted_too(tmp_path):
    path = tmp_path / "rows.jsonl"
    row = {"text": "word " * 20, "accept": ["A"], "options": [], "answer": "accept"}
    path.write_text((json.dumps(row) + "\n") * 2_000)
    reader = open_file(find_file(str(path), path), Reading())
    part = reader.part(20_000, path.stat().st_size)
    found = list(part.reader.records())
    assert 0 < len(found) < 2_000 and part.reader.name.endswith("(sample)")
    assert {row.values["label"] for row in found} == {"A"}


def test_rows_keep_their_faults(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "x", "label": "A", "answer": "accept"}\n{broken\n' * 3)
    found = list(open_file(find_file(str(path), path), Reading()).records())
    assert [getattr(row, "reason", None) for row in found] == [None, "invalid-json"] * 3
