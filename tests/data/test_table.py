"""From rows to examples: every row is an example of its split or skipped, and counted."""

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.data import table as module
from luthier.data.examples import take
from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record, Skipped
from luthier.data.table import Accounts, Example, Table, describe_rows, read


def source(folder: Path, *rows: dict[str, Any], name: str = "t.jsonl") -> Source:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return open_source(path)


def to_example(record: Record) -> Example | Skipped:
    """The values of a row that has a label."""
    if not record.values.get("label"):
        return Skipped(record.source, record.row, "missing-label", "the label is empty")
    return {"source": record.source, "row": record.row, **record.values}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=20), st.integers(1, 5))
def test_every_row_is_kept_or_skipped(tmp_path: Path, labels: list[str], chunk: int) -> None:
    opened = source(tmp_path, *({"text": str(n), "label": label} for n, label in enumerate(labels)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)  # rows turned into Arrow at once
        table = read({"train": [opened]}, to_example)
    kept = [str(n) for n, label in enumerate(labels) if label]
    assert (list(table.examples["train"]["text"]) if kept else []) == kept
    account = table.accounts["train"]
    assert (account.read, account.kept) == (len(labels), len(kept))
    assert account.skipped.total() == len(table.skipped) == labels.count("")
    assert [one.row for one in table.skipped] == [n for n, label in enumerate(labels, start=1) if not label]


def test_rows_that_cannot_be_read_are_counted_by_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n{broken\n[1]\n{"text": "b"}\n{"text": "c", "label": "y"}\n')
    table = read({"train": [open_source(path)]}, to_example)
    assert table.accounts["train"].to_dict() == {
        "read": 5,
        "kept": 2,
        "skipped": {"invalid-json": 1, "missing-label": 1, "not-an-object": 1},
    }


def test_sources_of_a_split_follow_one_another(tmp_path: Path) -> None:
    first = source(tmp_path, {"text": "a", "label": "x"}, name="1.jsonl")
    second = source(tmp_path, {"text": "b", "label": "y"}, {"text": "c", "label": "x"}, name="2.jsonl")
    table = read({"train": [first, second], "validation": [first], "test": []}, to_example)
    assert {split: list(examples["text"]) for split, examples in table.examples.items()} == {
        "train": ["a", "b", "c"],
        "validation": ["a"],
    }
    assert list(table.examples["train"]["row"]) == [1, 1, 2]
    assert table.accounts["test"] == Accounts()


def test_columns_that_are_empty_at_first_or_missing_later_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    rows: list[dict[str, Any]] = [
        {"label": "x", "n": None},
        {"label": "y", "n": 1, "more": ["a"]},
        {"label": "x", "n": 2.5},
    ]
    examples = read({"train": [source(tmp_path, *rows)]}, to_example).examples["train"]
    assert list(examples["n"]) == [None, 1, 2.5]
    assert list(examples["more"]) == [None, ["a"], None]


def test_a_column_may_say_which_split_a_row_belongs_to(tmp_path: Path) -> None:
    values = ["train", " DEV ", "test", "valid", "heldout", "training", "TRIAL"]
    rows = [{"text": str(n), "label": "x", "set": value} for n, value in enumerate(values)]
    table = read({"train": [source(tmp_path, *rows)]}, to_example, "set")
    assert {split: list(examples["text"]) for split, examples in table.examples.items()} == {
        "train": ["0", "5"],
        "validation": ["1", "3", "6"],
        "test": ["2", "4"],
    }


@pytest.mark.parametrize("row", [{"set": "other"}, {"set": None}, {"set": " "}, {"set": 3}, {}])
def test_a_row_of_an_unknown_split_is_skipped(tmp_path: Path, row: dict[str, Any]) -> None:
    rows = [{"text": "a", "label": "x", "set": "train"}, {"text": "b", "label": "y", **row}]
    table = read({"train": [source(tmp_path, *rows)]}, to_example, "set")
    assert list(table.examples["train"]["text"]) == ["a"]
    assert table.accounts["train"].skipped == {"unknown-split": 1}
    assert (table.skipped[0].row, table.skipped[0].reason) == (2, "unknown-split")
    assert repr(row.get("set")) in table.skipped[0].detail


def test_the_split_column_of_data_that_is_given_as_test_data_says_nothing(tmp_path: Path) -> None:
    held = source(tmp_path, {"text": "a", "label": "x", "set": "train"})
    assert list(read({"test": [held]}, to_example, "set").examples) == ["test"]


def examples_of(*labels: str) -> Dataset:
    rows = [{"source": "t.csv", "row": 10 * n, "label": label} for n, label in enumerate(labels, start=1)]
    return Dataset.from_list(rows)


def test_dropped_examples_are_skipped_rows() -> None:
    examples = examples_of("a", "b", "c")
    table = Table({"train": examples}, {"train": Accounts(read=3, kept=3)}, [])
    left = table.drop(examples, "train", "leak", [2, 0])
    assert list(left["label"]) == ["b"]
    assert table.accounts["train"].to_dict() == {"read": 3, "kept": 1, "skipped": {"leak": 2}}
    assert table.skipped == [Skipped("t.csv", 30, "leak", "c"), Skipped("t.csv", 10, "leak", "a")]
    assert table.drop(left, "train", "leak", []) is left


def test_examples_of_a_split_made_here_are_dropped_from_the_account_of_training() -> None:
    examples = examples_of("a", "b")
    table = Table({"train": examples}, {"train": Accounts(read=2, kept=2)}, [])
    table.drop(take(examples, [1]), "test", "unseen", [0], "no training row has it")
    assert table.accounts["train"].kept == 1
    assert table.skipped == [Skipped("t.csv", 20, "unseen", "no training row has it")]


def test_examples_are_taken_in_the_order_asked_for() -> None:
    examples = examples_of("a", "b", "c")
    assert list(take(examples, [2, 0, 2])["label"]) == ["c", "a", "c"]
    assert list(take(take(examples, [2, 1]), [1])["label"]) == ["b"]
    empty = take(examples, [])
    assert (len(empty), empty.column_names) == (0, examples.column_names)


def test_rows_are_described_by_source_and_number() -> None:
    rows = [("a.csv", 20), ("b.csv", 4), ("a.csv", 3)]
    examples = Dataset.from_list([{"source": name, "row": row} for name, row in rows])
    assert describe_rows(examples, [0, 1, 2]) == "a.csv, rows 3, 20; b.csv, row 4"
    assert describe_rows(examples, []) == ""
