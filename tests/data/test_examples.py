"""Examples are read in blocks: the same rows and values as `datasets` gives one by one."""

import pytest
from datasets import Dataset

from luthier.data import examples
from luthier.data.examples import numbers_of, rows_of, values_of

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
    assert values_of(held.select([4, 2]), "tags") == [["B"], ["B", "I"]]
    assert values_of(held, "text") == [row["text"] for row in ROWS]
    assert numbers_of(held.select([7, 1]), "row").tolist() == [7, 1]
