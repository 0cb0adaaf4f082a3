"""The predictions file: what was written is read again, and a damaged file is named."""

import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import DamagedError
from luthier.run_directory.predictions import answers_in, read_predictions, row_ids, write_predictions

PREDICTIONS: dict[str, list[Any]] = {
    "row": [1, 2, 3],
    "source": ["größe.csv", "b.csv", "b.csv"],
    "prediction": [["joy", "love"], [], ["joy"]],
    "confidence": [0.25, None, 1.0],
}


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    write_predictions(path, PREDICTIONS)
    assert read_predictions(path) == PREDICTIONS
    assert list(pq.read_table(path).column_names) == list(PREDICTIONS)
    write_predictions(path, {"row": [4]})
    assert read_predictions(path) == {"row": [4]}
    assert [found.name for found in tmp_path.iterdir()] == ["predictions.parquet"]


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
COLUMNS = st.integers(0, 5).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "text": st.lists(st.none() | TEXTS, min_size=n, max_size=n),
            "score": st.lists(st.none() | st.floats(allow_nan=False), min_size=n, max_size=n),
            "labels": st.lists(st.lists(TEXTS, max_size=3), min_size=n, max_size=n),
        }
    )
)


@given(COLUMNS)
def test_any_texts_and_numbers_are_kept(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[Any]]
) -> None:
    path = tmp_path_factory.mktemp("run") / "predictions.parquet"
    write_predictions(path, columns)
    assert read_predictions(path) == columns


def test_a_score_that_is_not_a_number_stays_so(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", {"score": [math.nan, math.inf, None]})
    found = read_predictions(tmp_path / "p.parquet")
    assert found is not None and math.isnan(found["score"][0]) and found["score"][1:] == [math.inf, None]


def test_without_a_file_there_are_no_predictions(tmp_path: Path) -> None:
    assert read_predictions(tmp_path / "predictions.parquet") is None


@pytest.mark.parametrize("kept", [0, 4, 40, -8, -1])
def test_a_file_that_is_cut_off_is_named_as_damaged(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "predictions.parquet"
    write_predictions(path, PREDICTIONS)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DamagedError) as caught:
        read_predictions(path)
    assert caught.value.where == str(path) and caught.value.hint


def test_columns_of_unequal_length_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="length"):
        write_predictions(tmp_path / "predictions.parquet", {"row": [1, 2], "score": [0.5]})
    assert list(tmp_path.iterdir()) == []


def test_the_answers_are_the_rows_in_order() -> None:
    assert answers_in({"row": [7, 3], "prediction": ["a", None]}) == [
        {"row": 7, "prediction": "a"},
        {"row": 3, "prediction": None},
    ]
    assert answers_in({}) == answers_in({"row": [], "prediction": []}) == []
    with pytest.raises(ValueError, match="zip"):
        answers_in({"row": [1, 2], "prediction": ["a"]})


def test_a_row_is_told_by_its_source_number_and_gold_answer() -> None:
    same = {"source": ["a", "a"], "row": [1, 1], "gold": ["x", "y"], "prediction": ["x", "x"]}
    assert len(set(row_ids(same))) == 2
    assert row_ids(same) == row_ids(same | {"prediction": ["y", "y"]})
