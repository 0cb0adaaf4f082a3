"""Examples of spaCy and exports of DataTurks become objects with spans."""

import json
from pathlib import Path
from typing import Any

import pytest

from luthier.data.reading.sources import open_source
from tests.data.reading.rows import outcome, write

EXAMPLES: list[Any] = [["Ada sang.", {"entities": [[0, 3, "PER"]]}], ["It rained.", {"entities": []}]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", json.dumps(EXAMPLES)),
        ("t.json", json.dumps(EXAMPLES, indent=1)),
        ("t.jsonl", "\n".join(map(json.dumps, EXAMPLES))),
        ("t.txt", "\n".join(map(json.dumps, EXAMPLES))),
        ("t.json", json.dumps({"classes": ["PER"], "annotations": [None, *EXAMPLES]})),
    ],
)
def test_examples_of_spacy(tmp_path: Path, name: str, text: str) -> None:
    source = open_source(write(tmp_path, name, text))
    read = [one.values for one in source.records() if hasattr(one, "values")]
    assert json.loads(json.dumps(read)) == [{"text": text, **annotations} for text, annotations in EXAMPLES]
    assert any("spaCy" in one.value for one in source.decisions)
    assert ("not-an-object" in outcome(source)) == ("null" in text)


def test_one_example(tmp_path: Path) -> None:
    for name in ("t.json", "t.jsonl"):
        (only,) = open_source(write(tmp_path, name, json.dumps(EXAMPLES[0]))).records()
        assert only.values == {"text": "Ada sang.", "entities": [[0, 3, "PER"]]}


def dataturks(end: int, covered: str | None, label: Any = ("PER",)) -> dict[str, Any]:
    point = {"start": 4, "end": end} | ({} if covered is None else {"text": covered})
    return {"content": "The Ada sang.", "annotation": [{"label": label, "points": [point]}], "extras": None}


@pytest.mark.parametrize(
    ("end", "covered", "expected"), [(6, "Ada", 7), (6, None, 7), (7, "Ada", 7), (7, "Ada s", 8), (4, "A", 5)]
)
def test_a_point_of_dataturks_ends_with_its_last_character(
    tmp_path: Path, end: int, covered: str | None, expected: int
) -> None:
    rows = [dataturks(end, covered)] * 2 + [{"content": "It rained.", "annotation": None, "extras": None}]
    source = open_source(write(tmp_path, "t.json", "\n".join(map(json.dumps, rows))))
    first, _, last = source.records()
    assert first.values["annotation"] == [{"start": 4, "end": expected, "label": ["PER"], "text": covered}]
    assert last.values["annotation"] is None
    assert "DataTurks" in str(source.decisions)


def test_other_annotations_stay(tmp_path: Path) -> None:
    rows = [
        {"content": "Ada", "annotation": [{"label": ["PER"], "points": [[0, 0.5]]}]},
        {"content": "", "annotation": []},
    ]
    source = open_source(write(tmp_path, "t.json", json.dumps(rows)))
    assert [one.values for one in source.records()] == rows
    assert "DataTurks" not in str(source.decisions)
