import json

import pytest

from luthier.data.reading.choose import open_file
from luthier.data.reading.files import find_file
from luthier.data.reading.reader import Reading
from luthier.data.records import Record
from luthier.errors import SourceError

OPTIONS = [{"id": "A", "text": "a"}, {"id": "B", "text": "b"}]


def read(tmp_path, rows, how=None):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"_task_hash": 1, **row}) + "\n" for row in rows))
    reader = open_file(find_file(str(path), path), how or Reading())
    found = list(reader.records())
    return reader, [row.values if isinstance(row, Record) else row.reason for row in found]


def test_what_was_chosen_is_the_label(tmp_path):
    rows = [
        {"text": "x", "options": OPTIONS, "accept": ["A"], "answer": "accept"},
        {"text": "y", "options": OPTIONS, "accept": [], "answer": "ignore"},
        {"text": "z", "options": OPTIONS, "accept": ["B"], "answer": "reject", "meta": {"source": "s"}},
        {"text": "w", "options": OPTIONS, "accept": ["B"], "answer": "accept"},
    ]
    reader, found = read(tmp_path, rows)
    assert found == [{"text": "x", "label": "A"}, "not-accepted", "not-accepted", {"text": "w", "label": "B"}]
    assert reader.columns == ["text", "label"]
    assert [one.value for one in reader.decisions if one.what == "layout"] == ["Prodigy"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"text": "x", "accept": ["A", "B"], "answer": "accept"}, {"text": "y", "accept": [], "answer": "accept"}],
        [{"text": "x", "accept": ["A"], "answer": "accept", "config": {"choice_style": "multiple"}}],
    ],
)
def test_several_choices_are_lists(tmp_path, rows):
    assert [row["label"] for row in read(tmp_path, rows)[1]] == [row["accept"] for row in rows]


def test_a_rejected_row_does_not_have_the_only_label(tmp_path):
    rows = [{"text": "x", "label": "SPAM", "answer": answer} for answer in ("accept", "reject", "ignore")]
    assert read(tmp_path, rows)[1] == [
        {"text": "x", "label": "SPAM"},
        {"text": "x", "label": "not SPAM"},
        "not-accepted",
    ]


def test_rejected_rows_of_several_labels_are_refused_with_both_readings(tmp_path):
    rows = [
        {"text": "x", "label": "A", "answer": "accept"},
        {"text": "y", "label": "B", "answer": "accept"},
        {"text": "z", "label": "B", "answer": "reject"},
    ]
    with pytest.raises(SourceError, match="2 labels a row") as caught:
        read(tmp_path, rows)
    assert caught.value.hint.count("`jq -c 'select(") == 2
    assert [row["label"] for row in read(tmp_path, rows[:2])[1]] == ["A", "B"]
    # A model predicts every row.
    assert [row["text"] for row in read(tmp_path, rows, Reading(columns=("text",)))[1]] == ["x", "y", "z"]


def test_answers_without_a_label_are_classes(tmp_path):
    rows = [{"text": "x", "answer": answer} for answer in ("accept", "reject", "ignore")]
    assert [row if isinstance(row, str) else row["label"] for row in read(tmp_path, rows)[1]] == [
        "accept",
        "reject",
        "not-accepted",
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "who?", "answer": "Anna"},
        {"text": "Anna", "spans": [{"start": 0, "end": 4, "label": "PER"}], "answer": "accept"},
    ],
)
def test_other_rows_are_unchanged(tmp_path, row):
    assert read(tmp_path, [row])[1] == [{"_task_hash": 1, **row}]
