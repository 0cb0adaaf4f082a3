"""Starting and resuming runs: claim the run directory, keep the data, and check that it is unchanged."""

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from luthier.console import Console
from luthier.data.records import Skipped
from luthier.errors import FingerprintError, RunError
from luthier.pipeline.journal import STDIN, blamed_on, claimed, data_name, keep_data, same_data, write_skipped
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json
from luthier.storage.lock import is_locked
from tests.conftest import review_rows, write_csv

ROWS = review_rows(24)


def prepared_from(data: Any, spool: Path, model: Path, **settings: Any) -> Prepared:
    """Read and encode data as `train` does; data without a file is written to the spool folder."""
    recipe = build_recipe(data, {"model": str(model), "precision": "fp32", **settings}, spool, Console())
    return prepare(recipe, Console(), spool_to=spool / STDIN)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


# -- claiming --------------------------------------------------------------------------------------------------------


def test_a_new_run_directory_is_created_before_any_work(tmp_path: Path) -> None:
    with claimed(tmp_path / "runs" / "first") as run:
        assert run.checkpoints.is_dir() and is_locked(run.path)
    assert run.path.is_dir() and not is_locked(run.path)


@pytest.mark.parametrize("error", [RunError("the data is at fault"), KeyboardInterrupt()])
def test_after_an_early_error_the_directory_is_as_it_was_before(tmp_path: Path, error: BaseException) -> None:
    for path, there in ((tmp_path / "new", False), (tmp_path / "empty", True)):
        if there:
            path.mkdir()
        with pytest.raises(type(error)), claimed(path):
            raise error
        assert path.exists() is there
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_run_with_a_recipe_is_kept_after_an_error(tmp_path: Path) -> None:
    def begin() -> None:
        with claimed(tmp_path) as run:
            run.recipe_file.write_text("")
            raise ValueError("in step 7")

    with pytest.raises(ValueError, match="in step 7"):
        begin()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "checkpoints", "recipe.toml"]


def test_what_a_killed_start_left_is_claimed_again(tmp_path: Path) -> None:
    left = ["environment.json", "data.json", "skipped.jsonl", "log.txt", ".recipe.toml.7.tmp", ".lock", ".owner"]
    for name in left:
        (tmp_path / name).write_text("of the one before")
    for folder in ("checkpoints", "data"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "stdin").write_text("rows of the one before")
    with claimed(tmp_path) as run:
        assert not run.data.exists() and not (tmp_path / ".recipe.toml.7.tmp").exists()


def test_a_claim_that_a_process_holds_is_an_error(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(RunError, match=f"process {os.getpid()}"), claimed(tmp_path):
        pytest.fail("work began")


@pytest.mark.parametrize("name", ["data", "log.txt", "environment.json", ".git"])
def test_a_directory_that_no_start_has_claimed_is_not_taken_for_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(RunError), claimed(tmp_path):
        pytest.fail("work began")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_directory_that_is_not_empty_is_an_error_and_stays_unchanged(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError), claimed(tmp_path):
        pytest.fail("work began")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_exception_gets_a_note_with_its_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a bug") as caught, blamed_on(Run(tmp_path)):
        raise ValueError("a bug")
    assert caught.value.__notes__ == [f"run: {tmp_path}"]


# -- keeping the data ------------------------------------------------------------------------------------------------


def test_data_in_memory_is_moved_into_the_run_and_the_recipe_is_updated(
    tmp_path: Path, spool: Path, tiny_model: Path
) -> None:
    file = write_csv(tmp_path / "test.csv", review_rows(60)[40:])
    prepared = prepared_from(pd.DataFrame(ROWS), spool, tiny_model, validation=review_rows(40)[24:], test=str(file))
    digests = {split: sources[0].digest for split, sources in prepared.sources.items()}
    run = Run.create(tmp_path / "run")
    keep_data(prepared, spool, run)
    kept = {split: run.data / f"{split}.parquet" for split in ("train", "validation")}
    assert list(spool.iterdir()) == []
    assert (prepared.recipe.data.train, prepared.recipe.data.validation) == (
        [str(kept["train"])],
        [str(kept["validation"])],
    )
    assert prepared.recipe.data.test == [str(file)], "files are not moved"
    assert [prepared.sources[split][0].path for split in ("train", "validation", "test")] == [*kept.values(), file]
    again = prepare(prepared.recipe, Console())
    assert {split: sources[0].digest for split, sources in again.sources.items()} == digests
    assert len(again.splits["train"]) == 24


def test_standard_input_is_kept_in_the_run(
    tmp_path: Path, spool: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_csv(tmp_path / "rows.csv", ROWS).read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    prepared = prepared_from("-", spool, tiny_model)
    run = Run.create(tmp_path / "run")
    keep_data(prepared, spool, run)
    assert prepared.recipe.data.train == [str(run.data / STDIN)]
    assert (run.data / STDIN).read_bytes() == content


def test_data_in_files_is_not_copied_into_the_run(tmp_path: Path, spool: Path, tiny_model: Path) -> None:
    prepared = prepared_from(write_csv(tmp_path / "rows.csv", ROWS), spool, tiny_model)
    run = Run.create(tmp_path / "run")
    keep_data(prepared, spool, run)
    assert not run.data.exists()
    assert prepared.recipe.data.train == [str(tmp_path / "rows.csv")]


def test_skipped_rows_are_written_one_per_line(tmp_path: Path, spool: Path, tiny_model: Path) -> None:
    rows: list[dict[str, object]] = [*ROWS, {"text": "ein Stück", "label": ""}]
    prepared = prepared_from(write_csv(tmp_path / "rows.csv", rows), spool, tiny_model)
    prepared.table.skipped.append(Skipped("other.csv", 3, "unseen-label", "größer"))
    run = Run.create(tmp_path / "run")
    write_skipped(prepared, run)
    first, second = (json.loads(line) for line in run.skipped_file.read_text(encoding="utf-8").splitlines())
    assert (first["row"], first["reason"]) == (25, "missing-label")
    assert second == {"source": "other.csv", "row": 3, "reason": "unseen-label", "detail": "größer"}
    prepared.table.skipped.clear()
    write_skipped(prepared, run)
    assert run.skipped_file.read_text() == ""


# -- the name of a run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/reviews.csv", "reviews"),
        ("reviews.csv.gz", "reviews"),
        ("bbc/train.csv", "bbc"),
        ("bbc/data.jsonl", "bbc"),
        ("train.csv", "here"),
        ("-", "here"),
        ("/dev/fd/63", "here"),
        ("nyu-mll/glue:mrpc [train]", "glue:mrpc"),
        ("DatasetDict [train]", "DatasetDict"),
        ("list of dicts", "list of dicts"),
        ("some/folder/", "folder"),
        (".", "here"),
    ],
)
def test_the_name_of_the_data_is_its_file_or_folder(
    source: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    prepared: Any = SimpleNamespace(sources={"train": [SimpleNamespace(name=source)]})
    assert data_name(prepared) == name


# -- resuming --------------------------------------------------------------------------------------------------------


def test_changed_data_is_an_error_even_before_the_first_checkpoint(
    tmp_path: Path, spool: Path, tiny_model: Path
) -> None:
    file = write_csv(tmp_path / "rows.csv", ROWS)
    prepared = prepared_from(file, spool, tiny_model)
    run = Run.create(tmp_path / "run")
    same_data(run, prepared)  # without data.json there is nothing to compare
    write_json(run.data_file, prepared.to_dict())
    same_data(run, prepared_from(file, spool, tiny_model))
    write_csv(file, [*ROWS[:-1], {"text": "another text", "label": "good"}])
    with pytest.raises(FingerprintError) as caught:
        same_data(run, prepared_from(file, spool, tiny_model))
    assert caught.value.where == str(file)


def test_two_tables_of_one_name_are_told_apart(tmp_path: Path, spool: Path, tiny_model: Path) -> None:
    prepared = prepared_from(review_rows(24), spool, tiny_model, test=review_rows(40)[24:])
    run = Run.create(tmp_path / "run")
    write_json(run.data_file, prepared.to_dict())
    same_data(run, prepared)
