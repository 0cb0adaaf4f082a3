"""Examples are read in blocks: the same rows and values as `datasets` gives one by one."""

import pytest
from datasets import Dataset

from luthier.data import examples
from luthier.data.examples import numbers_of, rows_of, take, values_of
from luthier.storage.spilled import spilled_table

ROWS = [{"text": f"text {i}", "row": i, "tags": ["B", "I"][: i % 3], "pair": {"a": i, "b": None}} for i in range(25)]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr(examples, "BLOCK", 10)
    return Dataset.from_list(ROWS)


def test_rows_are_those_of_the_dataset(held: Dataset) -> None:
    assert list(rows_of(held)) == list(held) == ROWS
    chosen = held.select([20, 3, 11])
    assert list(rows_of(chosen)) == [ROWS[20], ROWS[3], ROWS[11]]
    assert list(rows_of(held.select([]))) == []


def test_a_column_has_the_values_of_every_row(held: Dataset) -> None:
    texts = values_of(held, "text")
    assert list(texts) == [row["text"] for row in ROWS] and len(texts) == 25
    assert (texts[3], texts[-1], texts[9:12]) == ("text 3", "text 24", ["text 9", "text 10", "text 11"])
    assert list(values_of(held.select([4, 2]), "tags")) == [["B"], ["B", "I"]]
    assert numbers_of(held.select([7, 1]), "row").tolist() == [7, 1]


def test_a_large_dataset_is_the_same_on_disk(held: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spilled = spilled_table([held.data.table.slice(0, 9), held.data.table.slice(9)], held.data.schema)
    assert spilled.to_pylist() == ROWS
    chosen = list(take(held, [20, 3, 11] * 5))
    monkeypatch.setattr(examples, "MOST_HELD", 0)
    assert list(take(held, [20, 3, 11] * 5)) == chosen == [ROWS[20], ROWS[3], ROWS[11]] * 5
    assert len(take(held, [])) == 0
