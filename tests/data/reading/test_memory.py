"""Data given in memory is kept as Parquet and read with its types; what cannot be kept is refused with the reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, IterableDataset, Value

from luthier.data.reading.memory import name_of_copy, paths_in, tables_in, write_copy
from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.errors import LuthierError, SourceError, UsageError

TEXTS, STARS = ["a lovely film", "dull", "grim"], [5, 1, None]
ROWS = [{"text": text, "stars": stars} for text, stars in zip(TEXTS, STARS, strict=True)]
COLUMNS = {"text": TEXTS, "stars": STARS}


def polars_frame() -> Any:
    return pytest.importorskip("polars").DataFrame(COLUMNS)


def kept(data: Any, path: Path) -> list[dict[str, Any]]:
    write_copy(data, path)
    return [record.values for record in open_source(path).records() if isinstance(record, Record)]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: ROWS, "list of dicts"),
        (lambda: tuple(ROWS), "list of dicts"),
        (lambda: COLUMNS, "dict of columns"),
        (lambda: {"text": np.array(TEXTS), "stars": pd.Series(STARS)}, "dict of columns"),
        (lambda: pd.DataFrame(COLUMNS), "DataFrame"),
        (lambda: pd.DataFrame(COLUMNS, index=[7, 8, 9]).astype({"text": "category"}), "DataFrame"),
        (polars_frame, "DataFrame"),
        (lambda: pa.table(COLUMNS), "Table"),
        (lambda: Dataset.from_dict(COLUMNS), "Dataset"),
        (lambda: Dataset.from_dict({"text": TEXTS[::-1], "stars": STARS[::-1]}).select([2, 1, 0]), "Dataset"),
    ],
)
def test_every_kind_gives_the_same_rows(make: Callable[[], Any], name: str, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    assert kept(make(), path) == ROWS
    source = open_source(path)
    assert (source.name, source.format, source.columns) == (name, "parquet", ["text", "stars"])
    assert source.decisions[0].why == "a copy of the data given in memory"
    assert {record.source for record in source.records()} == {name}


def test_rows_may_lack_keys_and_hold_numpy_values(tmp_path: Path) -> None:
    rows = [
        {"text": np.str_("a"), "n": np.int64(1)},
        {"text": "b", "x": np.float32(0.5)},
        {"n": float("nan"), "x": pd.NA},
    ]
    assert kept(rows, tmp_path / "a.parquet") == [
        {"text": "a", "n": 1, "x": None},
        {"text": "b", "n": None, "x": 0.5},
        {"text": None, "n": None, "x": None},
    ]


def test_a_named_index_is_data(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": TEXTS, "stars": STARS, "place": [1, 2, 3]})
    assert kept(frame.set_index("stars"), tmp_path / "a.parquet") == kept(
        frame[["stars", "text", "place"]], tmp_path / "b.parquet"
    )
    assert list(kept(frame.set_index(["place", "stars"]), tmp_path / "c.parquet")[0]) == ["place", "stars", "text"]


def test_nested_values_stay_nested(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}] * 2
    assert kept(rows, tmp_path / "a.parquet") == rows


def test_labels_are_read_by_their_names(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["bad", "good"])})
    dataset = Dataset.from_dict({"text": TEXTS, "label": [1, 0, -1]}, features=features)
    assert [row["label"] for row in kept(dataset, tmp_path / "a.parquet")] == ["good", "bad", None]
    assert [row["label"] for row in kept(dataset.with_format("numpy"), tmp_path / "b.parquet")] == ["good", "bad", None]


def test_a_mapping_of_tables_has_splits() -> None:
    dataset = Dataset.from_dict(COLUMNS)
    assert tables_in(DatasetDict(train=dataset, test=dataset)) == {"train": dataset, "test": dataset}
    assert list(tables_in({"train": pd.DataFrame(COLUMNS)}) or {}) == ["train"]
    assert tables_in(COLUMNS) is None
    assert tables_in({"text": pd.Series(TEXTS)}) is None
    assert tables_in({}) is None


def test_paths_are_told_from_rows() -> None:
    assert paths_in("a.csv") == paths_in(Path("a.csv")) == ["a.csv"]
    assert paths_in(["a.csv", Path("b.csv")]) == ["a.csv", "b.csv"]
    assert paths_in(ROWS) is None
    assert paths_in(pd.DataFrame(COLUMNS)) is None


@pytest.mark.parametrize(
    ("data", "error", "what", "where"),
    [
        (
            [{"a": 1}, {"a": "x"}],
            SourceError,
            "column 'a' does not have one type: row 2 has 'x', of type str, most rows have float",
            "list of dicts",
        ),
        (pd.DataFrame({"a": [1, "x"]}), SourceError, "column 'a' does not have one type", "DataFrame"),
        ({"a": [1], "b": [1, 2]}, SourceError, "the columns differ in length: a 1, b 2", "dict of columns"),
        ({"text": "a lovely film"}, UsageError, "column 'text' is a single value", "dict of columns"),
        ([{"a": {}}], SourceError, "a column cannot be stored as Parquet", "list of dicts"),
        ([{}], SourceError, "the data has no rows", "list of dicts"),
        (pd.DataFrame({"a": []}), SourceError, "the data has no rows", "DataFrame"),
        (Dataset.from_dict({"a": []}), SourceError, "the data has no rows", "Dataset"),
        (pd.Series(["a"]), UsageError, "Luthier cannot read this type of data", "Series"),
        ([("a", 1)], UsageError, "Luthier cannot read this type of data", "list of tuple"),
        (3, UsageError, "Luthier cannot read this type of data", "int"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    data: Any, error: type[LuthierError], what: str, where: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=what) as caught:
        write_copy(data, tmp_path / "a.parquet")
    assert caught.value.where == where
    assert caught.value.hint


def test_columns_of_one_name_are_numbered_and_said_as_in_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame([["a", "b", 1], ["c", "d", 0]], columns=["text", "text", "label"])
    (tmp_path / "t.csv").write_text(frame.to_csv(index=False).replace("text.1", "text"))
    write_copy(frame, tmp_path / "a.parquet")
    write_copy(
        pa.Table.from_pandas(frame.set_axis(list("xyz"), axis=1)).rename_columns(list(frame.columns)), tmp_path / "b"
    )
    for name in ("t.csv", "a.parquet", "b"):
        source = open_source(tmp_path / name)
        assert source.columns == ["text", "text_2", "label"]
        said = [decision.value for decision in source.decisions if decision.what == "column names"]
        assert said == ["'text' -> 'text_2'"]
        rows = [list(record.values.values()) for record in source.records() if isinstance(record, Record)]
        assert [row[:2] for row in rows] == [["a", "b"], ["c", "d"]]


def test_an_iterable_dataset_is_refused_with_the_way_out(tmp_path: Path) -> None:
    stream = IterableDataset.from_generator(lambda: iter(ROWS))
    with pytest.raises(UsageError, match="cannot be read twice") as caught:
        write_copy(stream, tmp_path / "a.parquet")
    assert "Dataset.from_list(list(data))" in caught.value.hint
    assert kept(Dataset.from_list(list(stream)), tmp_path / "a.parquet") == ROWS


def test_only_a_copy_has_a_name(tmp_path: Path) -> None:
    write_copy(ROWS, tmp_path / "a.parquet", "DatasetDict [train]")
    assert name_of_copy(tmp_path / "a.parquet") == "DatasetDict [train]"
    pd.DataFrame(COLUMNS).to_parquet(tmp_path / "b.parquet")
    assert name_of_copy(tmp_path / "b.parquet") == ""
    (tmp_path / "c.parquet").write_bytes(b"PAR1 and no more")
    assert name_of_copy(tmp_path / "c.parquet") == ""
    assert name_of_copy(tmp_path) == ""
    assert name_of_copy(tmp_path / "none") == ""
