import csv
import json

from luthier.data.reading.choose import open_file
from luthier.data.reading.files import find_file
from luthier.data.reading.reader import Reading
from luthier.data.records import Record


def read(path, how=None):
    reader = open_file(find_file(str(path), path), how or Reading())
    return reader, [row.values if isinstance(row, Record) else row.reason for row in reader.records()]


def result(values, kind="choices", name="mood"):
    return {"type": kind, "from_name": name, "to_name": "text", "value": {kind: values}}


def tasks(tmp_path, *annotations):
    path = tmp_path / "tasks.json"
    rows = [{"id": i, "data": {"text": f"text {i}"}, "annotations": found} for i, found in enumerate(annotations)]
    path.write_text(json.dumps(rows))
    return path


def test_choices_are_the_label(tmp_path):
    path = tasks(
        tmp_path,
        [{"result": [result(["good"])]}],
        [{"result": [result(["bad"])], "was_cancelled": True}],
        [{"result": [result(["bad"])]}, {"result": [result(["good"])], "ground_truth": True}],
        [],
        [{"id": 1, "result": [result(["bad"])]}, {"id": 2, "result": [result(["bad"])]}],
        [{"result": [result(["bad"])]}, {"result": [result(["good"])]}],
    )
    reader, found = read(path)
    assert reader.columns == ["id", "text", "mood"]
    assert found == [
        {"id": 0, "text": "text 0", "mood": "good"},
        "not-accepted",
        {"id": 2, "text": "text 2", "mood": "good"},
        {"id": 3, "text": "text 3", "mood": None},
        {"id": 4, "text": "text 4", "mood": "bad"},
        "annotators-disagree",
    ]


def test_several_choices_are_lists_and_a_rating_is_a_number(tmp_path):
    path = tasks(
        tmp_path, [{"result": [result(["a", "b"]), result(4, "rating", "stars")]}], [{"result": [result(["a"])]}]
    )
    assert [(row["mood"], row["stars"]) for row in read(path)[1]] == [(["a", "b"], 4), (["a"], None)]


def test_spans_are_left_to_their_task(tmp_path):
    span = {"type": "labels", "value": {"start": 0, "end": 4, "labels": ["PER"]}}
    path = tasks(tmp_path, [{"result": [span, result(["good"])]}])
    assert read(path)[0].columns == ["id", "data", "annotations"]


def test_a_model_reads_the_texts_of_tasks(tmp_path):
    path = tasks(tmp_path, [], [{"result": [], "was_cancelled": True}])
    assert [row["text"] for row in read(path, Reading(columns=("text",)))[1]] == ["text 0", "text 1"]
    assert read(path, Reading(columns=("data",)))[0].columns == ["id", "data", "annotations"]


def test_the_short_exports_mix_texts_and_objects(tmp_path):
    cells = ["a", {"choices": ["a", "b"]}, None]
    path = tmp_path / "short.json"
    path.write_text(json.dumps([{"text": "x", "topics": cell, "annotation_id": 1} for cell in cells]))
    assert [row["topics"] for row in read(path)[1]] == [["a"], ["a", "b"], None]
    path = tmp_path / "short.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text", "topics", "lead_time"], *[["x", _written(cell), 1.5] for cell in cells]])
    assert [row["topics"] for row in read(path)[1]] == [["a"], ["a", "b"], None]


def test_columns_called_data_are_kept(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"data": "x", "label": "a"}\n{"data": "y", "label": "b"}\n')
    assert read(path)[0].columns == ["data", "label"]


def _written(cell):
    return json.dumps(cell) if isinstance(cell, dict) else cell
