"""Samples of large data: which sources, how much of them, and what is said of it."""

import json
from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from luthier.data.reading.discover import discover
from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record
from luthier.data.sample import Sample, draw, of_sample
from luthier.data.table import Accounts
from luthier.findings import Finding
from tests.data.reading.rows import write

LABELS = [f"label {i}" for i in range(10)]
ROWS = [{"label": LABELS[i // 2000], "text": f"text {i}"} for i in range(20_000)]


def lines(n: int = 20_000) -> str:
    return "".join(json.dumps(row) + "\n" for row in ROWS[:n])


def records(sample: Sample, split: str = "train") -> list[Record]:
    return [row for source in sample.sources[split] for row in source.records() if isinstance(row, Record)]


def test_small_data_needs_no_sample(tmp_path: Path) -> None:
    path = write(tmp_path, "t.jsonl", lines())
    assert draw(discover([path])) is None
    assert draw(discover([path]), most=path.stat().st_size) is None
    assert draw(discover([path]), most=path.stat().st_size - 1, size=10_000) is not None


def test_each_source_has_its_share_and_small_ones_are_read_whole(tmp_path: Path) -> None:
    large = [write(tmp_path, f"{i}.jsonl", lines()) for i in range(2)]
    small = write(tmp_path, "test.jsonl", lines(50))
    sample = draw(discover(large, test=[small]), most=100_000, size=60_000)
    assert sample is not None
    assert [source.name.endswith("(sample)") for source in sample.sources["train"]] == [True, True]
    assert sample.sources["test"] == sample.whole["test"] and len(records(sample, "test")) == 50
    assert sample.read["train"] == pytest.approx(40_000, rel=0.2)
    assert sample.of == {"train": 2 * large[0].stat().st_size, "validation": 0, "test": small.stat().st_size}


def test_the_rows_of_all_data_are_estimated(tmp_path: Path) -> None:
    path = write(tmp_path, "t.jsonl", lines())
    sample = draw(discover([path]), most=100_000, size=50_000)
    assert sample is not None
    read = len(records(sample))
    accounts = {"train": Accounts(read - 5, read - 5), "test": Accounts(5, 5)}  # by a column
    assert sum(sample.rows(accounts).values()) == pytest.approx(20_000, rel=0.05)
    told = sample.to_dict(accounts)
    assert told["rows"] == read < told["of_rows"] and told["bytes"] < told["of_bytes"] == path.stat().st_size


def test_rows_that_were_kept_are_estimated_for_all_data() -> None:
    read, of = {"train": 100, "validation": 0, "test": 50}, {"train": 1_000, "validation": 0, "test": 50}
    empty: dict[str, list[Source]] = {split: [] for split in read}
    sample = Sample(empty, empty, read, of)
    accounts = {"train": Accounts(80, 70), "test": Accounts(40, 40)}
    kept = {"train": 60, "validation": 7, "test": 40}  # the validation rows were split off the training rows
    assert sample.sizes(kept, accounts) == {"train": 600, "validation": 70, "test": 40}
    windows = {"train": 240, "test": 40}  # there may be more of them than rows
    assert sample.sizes(windows, accounts) == {"train": 2_400, "test": 40}
    assert sample.sizes(kept, accounts, 500)["train"] == 500 and sample.sizes(kept, accounts, 700)["train"] == 600


@pytest.mark.parametrize("form", ["parquet", "folder", "parallel", "dataset"])
def test_rows_that_can_be_counted_keep_their_numbers(tmp_path: Path, form: str) -> None:
    from datasets import Dataset

    rows = ROWS[::10]
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet", row_group_size=700)
        source = open_source(tmp_path / "t.parquet")
    elif form == "dataset":
        Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
        source = open_source(tmp_path / "saved")
    elif form == "folder":
        for i, row in enumerate(rows):
            write(tmp_path, f"classes/{row['label']}/{i:05}.txt", row["text"])
        source = open_source(tmp_path / "classes")
    else:
        write(tmp_path, "t.en", "".join(f"{row['label']}\n" for row in rows))
        write(tmp_path, "t.de", "".join(f"{row['text']}\n" for row in rows))
        (source,) = discover([tmp_path / "t.en", tmp_path / "t.de"])["train"]
    part = source.part(source.size // 10)
    assert part is not None
    every = {row.row: row for row in source.records()}
    found = list(part[0].records())
    assert all(every[row.row] == row for row in found)
    assert 0.02 * len(rows) < len(found) < 0.2 * len(rows)
    assert len(found) / len(rows) == pytest.approx(part[1], rel=0.3)
    if form != "parallel":
        counts = Counter(row.values["label"] for row in found if isinstance(row, Record))
        assert len(counts) >= 5, "all over a sorted source"


def test_findings_in_a_sample_say_so() -> None:
    warning = Finding("duplicates", "warning", "2 rows are equal.", "Drop them.", (3, 7))
    error = Finding("one-class", "error", "All rows are alike.", "Add rows.")
    found = of_sample([warning, error])
    assert [one.message for one in found] == ["In the sample: 2 rows are equal.", "In the sample: All rows are alike."]
    assert [one.action for one in found] == ["Drop them.", "Add rows. --all checks every row."]
    assert [(one.id, one.severity, one.rows) for one in found] == [
        ("duplicates", "warning", (3, 7)),
        ("one-class", "error", ()),
    ]
