"""What is scored of several splits: what was named, the only one, or the test split; a mixture never."""

import shlex
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from luthier.errors import UsageError
from luthier.pipeline.inference.scored_split import sources_to_score, split_in_memory
from tests.conftest import review_rows, write_csv
from tests.listener import Listener


def folder(path: Path, *files: str) -> Path:
    path.mkdir()
    for place, name in enumerate(files, start=1):
        write_csv(path / name, review_rows(4 * place))
    return path


def scored(*data: Path) -> tuple[list[str], list[str]]:
    """The names of what is scored, and what is said of the split."""
    console = Listener()
    sources = sources_to_score(list(map(str, data)), "the run", console)
    return [Path(source.name).name for source in sources], list(map(str, console.decisions))


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        (("train.csv", "dev.csv", "test.csv"), ["test.csv"], ["split: test (not scored: train, validation)"]),
        (("train.csv", "test.csv"), ["test.csv"], ["split: test (not scored: train)"]),
        (("dev.csv",), ["dev.csv"], []),
        (("train.csv",), ["train.csv"], []),
        (("rows.csv",), ["rows.csv"], []),
        (("a.csv", "b.csv"), ["a.csv", "b.csv"], []),
    ],
)
def test_the_test_split_of_a_folder_is_scored(
    files: tuple[str, ...], expected: list[str], said: list[str], tmp_path: Path
) -> None:
    assert scored(folder(tmp_path / "data", *files)) == (expected, said)


def test_a_file_that_was_named_is_scored_whatever_it_is_called(tmp_path: Path) -> None:
    data = folder(tmp_path / "data", "train.csv", "dev.csv", "test.csv")
    assert scored(data / "train.csv", data / "dev.csv") == (["train.csv", "dev.csv"], [])
    more = write_csv(tmp_path / "more.csv", review_rows(4))
    assert scored(data, more)[0] == ["more.csv", "test.csv"]


def test_several_splits_without_a_test_split_are_refused_with_a_command_for_each(tmp_path: Path) -> None:
    data = folder(tmp_path / "my data", "train.csv", "dev.csv")
    with pytest.raises(UsageError, match="several splits, and none is called test: train, validation") as caught:
        scored(data)
    first, second = caught.value.hint.removeprefix("score one of them: ").split(" or ")
    assert [shlex.split(command) for command in (first, second)] == [
        ["luthier", "evaluate", "the run", str(data / name)] for name in ("train.csv", "dev.csv")
    ]


def test_the_splits_of_a_saved_dataset_can_be_named(tmp_path: Path) -> None:
    rows = Dataset.from_list(review_rows(8))
    DatasetDict(train=rows, validation=rows, test=rows).save_to_disk(str(tmp_path / "whole"))
    assert scored(tmp_path / "whole")[0] == ["test"]
    DatasetDict(train=rows, validation=rows).save_to_disk(str(tmp_path / "two"))
    with pytest.raises(UsageError) as caught:
        scored(tmp_path / "two")
    assert caught.value.hint.endswith(f"luthier evaluate 'the run' {tmp_path / 'two' / 'validation'}")
    assert scored(tmp_path / "two" / "validation")[0] == ["validation"]


def test_of_data_in_memory_the_test_split_is_scored() -> None:
    console = Listener()
    assert split_in_memory({"train": ["f/train.parquet"], "test": ["f/test.parquet"]}, "r", console) == [
        "f/test.parquet"
    ]
    assert list(map(str, console.decisions)) == ["split: test (not scored: train)"]
    assert split_in_memory({"train": ["a.csv", "b.csv"]}, "r", Listener()) == ["a.csv", "b.csv"]
    with pytest.raises(UsageError, match="several splits") as caught:
        split_in_memory({"train": ["f/train.parquet"], "validation": ["f/dev.parquet"]}, "r", Listener())
    ready = "luthier.evaluate('r', data['train']) or luthier.evaluate('r', data['dev'])"
    assert caught.value.hint == f"score one of them: {ready}"
