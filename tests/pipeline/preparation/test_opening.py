"""Opening the data of a recipe: splits, columns, and what cannot be read."""

from pathlib import Path

import pytest

from luthier.errors import FindingError, SourceError, UsageError
from luthier.pipeline.preparation import opening
from luthier.pipeline.preparation.opening import empty_columns, open_sources, recognise_columns, sample_rows
from luthier.recipe import Recipe
from tests.conftest import review_rows, write_csv
from tests.tasks.by_hand import recipe_of


def test_the_task_and_the_columns_are_recognised_and_set_in_the_recipe(tmp_path: Path) -> None:
    recipe = recipe_of(data__train=[str(write_csv(tmp_path / "a.csv", review_rows(40)))])
    found = recognise_columns(recipe, open_sources(recipe, None), None)
    assert recipe.task == found.reader.name == "text-classification"
    assert recipe.data.columns == found.reader.columns and recipe.data.shape == "single/one"
    assert len(found.sample) == 40 and set(recipe.data.columns.values()) <= set(found.profiles)
    told = [decision.what for decision in found.decisions]
    assert told.index("format") < told.index("text"), "sources first, then columns"


def test_several_sources_are_told_apart_and_share_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SAMPLE", 10)
    files = [str(write_csv(tmp_path / f"{name}.csv", review_rows(40))) for name in ("a", "b")]
    recipe = recipe_of(data__train=files)
    sources = open_sources(recipe, None)
    assert [record.source for record in sample_rows(sources)].count(files[0]) == 6
    told = recognise_columns(recipe, sources, None).decisions
    assert {"a.csv format", "b.csv format"} <= {decision.what for decision in told}


def test_data_without_training_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training data"):
        open_sources(Recipe(), None)
    (tmp_path / "d").mkdir()
    write_csv(tmp_path / "d" / "test.csv", review_rows(4))
    with pytest.raises(SourceError, match="there is only test data"):
        open_sources(recipe_of(data__train=[str(tmp_path / "d")]), None)


def test_a_file_of_unreadable_rows_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": \n{"text": \n')
    with pytest.raises((FindingError, SourceError)):
        sample_rows(open_sources(recipe_of(data__train=[str(tmp_path / "a.jsonl")]), None))


def test_columns_that_are_mostly_empty_are_found(tmp_path: Path) -> None:
    rows = [{**row, "title": "" if i else "a title"} for i, row in enumerate(review_rows(40))]
    recipe = recipe_of(data__train=[str(write_csv(tmp_path / "a.csv", rows))])
    found = recognise_columns(recipe, open_sources(recipe, None), None)
    assert [finding.id for finding in empty_columns({"text": "title"}, found.profiles)] == ["empty-column"]
    assert empty_columns(recipe.data.columns, found.profiles) == []
