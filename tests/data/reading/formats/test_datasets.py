"""Datasets of the `datasets` library: saved on disk, or from the Hub."""

from pathlib import Path

import pyarrow
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from luthier.data.reading.formats.datasets import DatasetReader, load_hub, load_saved
from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.errors import SourceError
from tests.data.reading.rows import outcome, rows


def saved_set() -> Dataset:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    return Dataset.from_dict({"text": ["fine", "bad"], "label": [1, 0]}, features=features)


def test_saved_datasets(tmp_path: Path) -> None:
    saved_set().save_to_disk(tmp_path / "one")
    DatasetDict({"train": saved_set(), "test": saved_set().select([1])}).save_to_disk(tmp_path / "two")
    source = open_source(tmp_path / "one")
    assert [one.values for one in source.records() if isinstance(one, Record)] == [
        {"text": "fine", "label": "pos"},
        {"text": "bad", "label": "neg"},
    ]
    assert source.format == "dataset"
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path / "two")
    assert "/train" in caught.value.hint
    assert sum(1 for _ in open_source(tmp_path / "two" / "test").records()) == 1
    assert source.digest == open_source(tmp_path / "one").digest
    (tmp_path / "one" / "state.json").write_text("{")
    with pytest.raises(SourceError, match="damaged") as caught:
        open_source(tmp_path / "one")
    assert str(tmp_path / "one") in caught.value.where


def test_label_names_of_a_saved_set_reach_into_lists(tmp_path: Path) -> None:
    features = Features({"tokens": List(Value("string")), "tags": List(ClassLabel(names=["O", "B-PER"]))})
    Dataset.from_dict({"tokens": [["Ada", "met"]], "tags": [[1, 0]]}, features=features).save_to_disk(tmp_path)
    source = open_source(tmp_path)
    assert rows(source) == [[["Ada", "met"], ["B-PER", "O"]]]
    assert [(one.what, one.value) for one in source.decisions[1:]] == [("values of tags", "O, B-PER")]


def test_values_that_are_none_cost_one_row_each(tmp_path: Path) -> None:
    text = pyarrow.array([b"fine", b"bro\xffken", b"good", b"fine"]).view(pyarrow.string())
    dates = pyarrow.array([0, 0, 10**8, 0], pyarrow.date32())
    Dataset(pyarrow.table({"text": text, "day": dates})).save_to_disk(tmp_path)
    assert outcome(open_source(tmp_path)) == ["ok", "encoding", "invalid-value", "ok"]


def test_a_selection_is_read_in_its_order() -> None:
    reader = DatasetReader.open("mine", saved_set().select([1, 0, 1]), "as given")
    read = [(one.source, one.row, one.values["text"]) for one in reader.records() if isinstance(one, Record)]
    assert read == [("mine", 1, "bad"), ("mine", 2, "fine"), ("mine", 3, "bad")]


def test_a_set_without_rows_is_refused() -> None:
    with pytest.raises(SourceError, match="no rows") as caught:
        DatasetReader.open("mine", saved_set().select([]), "as given")
    assert (caught.value.where, bool(caught.value.hint)) == ("mine", True)


def test_the_digest_is_that_of_the_files(tmp_path: Path) -> None:
    def digest(name: str, dataset: Dataset) -> str:
        dataset.save_to_disk(tmp_path / name)
        return DatasetReader.open(name, load_saved(name, tmp_path / name)[""], "").digest()

    assert digest("a", saved_set()) == digest("b", saved_set())
    assert digest("a", saved_set()) != digest("c", saved_set().select([1, 0]))


def test_saved_splits_come_by_name_and_a_lone_set_without_one(tmp_path: Path) -> None:
    saved_set().save_to_disk(tmp_path / "one")
    DatasetDict({"train": saved_set(), "dev": saved_set().select([0])}).save_to_disk(tmp_path / "two")
    assert list(load_saved("one", tmp_path / "one")) == [""]
    assert {name: len(part) for name, part in load_saved("two", tmp_path / "two").items()} == {"train": 2, "dev": 1}
    with pytest.raises(SourceError, match="damaged"):
        load_saved("three", tmp_path)


def answering(monkeypatch: pytest.MonkeyPatch, answer: object) -> list[tuple[str, str | None]]:
    """A Hub that gives or raises one answer; the list fills with what it is asked for."""
    import datasets

    asked: list[tuple[str, str | None]] = []

    def load(name: str, configuration: str | None) -> object:
        asked.append((name, configuration))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


def test_a_configuration_follows_a_colon(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, DatasetDict({"train": saved_set()}))
    assert list(load_hub("org/set:part")) == list(load_hub("org/set")) == ["train"]
    assert asked == [("org/set", "part"), ("org/set", None)]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (ConnectionError("no network\nand a long explanation"), "no network"),
        (ValueError(), "ValueError"),
        (saved_set(), "no splits"),
    ],
)
def test_a_hub_without_such_a_set_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, answer: object, what: str
) -> None:
    answering(monkeypatch, answer)
    with pytest.raises(SourceError) as caught:
        load_hub("org/set")
    assert what in caught.value.what
    assert "\n" not in caught.value.what
    assert (caught.value.where, bool(caught.value.hint)) == ("org/set", True)
