"""Which of many files are training, validation and test data."""

import gzip
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from luthier.data.reading.discover import discover, split_of
from luthier.data.records import Record
from luthier.errors import SourceError, UsageError

ROWS = "text\tlabel\nfine\t1\nbad\t0\n"


def make(folder: Path, *names: str, content: str = ROWS) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return folder


def found(folder: Path, **named: Any) -> dict[str, list[str]]:
    return {
        split: [source.name.removeprefix(str(folder)).lstrip("/") for source in sources]
        for split, sources in discover([folder], **named).items()
    }


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.tsv", "train"),
        ("dialogsum.dev.jsonl", "validation"),
        ("msr_paraphrase_test.txt", "test"),
        ("val.csv", "validation"),
        ("VALID.csv", "validation"),
        ("train-00000-of-00002.parquet", "train"),
        ("test_2016_flickr.de.gz", "test"),
        ("validation_matched", "validation"),
        ("trainer.csv", ""),
        ("latest.csv", ""),
        ("devices.csv", ""),
        ("reviews.csv", ""),
    ],
)
def test_split_of_a_name(name: str, split: str) -> None:
    assert split_of(name) == split


def test_files_go_to_train(tmp_path: Path) -> None:
    make(tmp_path, "a.tsv", "b.tsv", "c.tsv", "d.tsv")
    splits = discover(
        [tmp_path / "a.tsv", tmp_path / "b.tsv"], validation=[tmp_path / "c.tsv"], test=[tmp_path / "d.tsv"]
    )
    assert {split: [Path(source.name).name for source in sources] for split, sources in splits.items()} == {
        "train": ["a.tsv", "b.tsv"],
        "validation": ["c.tsv"],
        "test": ["d.tsv"],
    }


def test_split_files_among_others(tmp_path: Path) -> None:
    make(tmp_path, "train.tsv", "dev.tsv", "test.tsv", "README.md", "SOURCE.txt", ".lock_preprocessing")
    make(
        tmp_path,
        "train.meta.json",
        "train.split.parquet",
        "train.test.hdf5",
        "train.training.hdf5",
        content="x" * 9_999,
    )
    assert found(tmp_path) == {"train": ["train.tsv"], "validation": ["dev.tsv"], "test": ["test.tsv"]}
    said = [one for one in discover([tmp_path])["train"][0].decisions if one.what == "ignored"]
    assert "SOURCE.txt" in said[0].value


def test_a_split_that_is_named_differently(tmp_path: Path) -> None:
    make(tmp_path, "train.conll", "dev.conll", "test.annotated", content="EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n")
    assert found(tmp_path) == {"train": ["train.conll"], "validation": ["dev.conll"], "test": ["test.annotated"]}


def test_validation_data_is_learned_from_where_nothing_is_called_train(tmp_path: Path) -> None:
    make(tmp_path, "dialogs.dev.tsv", "dialogs.test.tsv")
    assert found(tmp_path) == {"train": ["dialogs.dev.tsv"], "validation": [], "test": ["dialogs.test.tsv"]}
    said = [one for one in discover([tmp_path])["train"][0].decisions if one.what == "train"]
    assert [(one.value, one.why) for one in said] == [
        ("dialogs.dev.tsv", "nothing is called train; test data is kept separate")
    ]
    given = discover([tmp_path], validation=[tmp_path / "dialogs.dev.tsv"])
    assert [len(given[split]) for split in ("train", "validation", "test")] == [1, 1, 1]
    (tmp_path / "dialogs.dev.tsv").unlink()
    assert found(tmp_path) == {"train": [], "validation": [], "test": ["dialogs.test.tsv"]}


def test_shards_come_in_order(tmp_path: Path) -> None:
    names = [f"data/train-{n:05}-of-00003.tsv" for n in range(3)]
    make(tmp_path, *reversed(names), "data/test-00000-of-00001.tsv")
    assert found(tmp_path)["train"] == names


def test_split_folders(tmp_path: Path) -> None:
    make(tmp_path, "train/pos/1.txt", "train/neg/2.txt", "test/pos/3.txt", "test/neg/4.txt", "README", content="words")
    assert found(tmp_path) == {"train": ["train"], "validation": [], "test": ["test"]}
    assert [source.format for source in discover([tmp_path])["train"]] == ["folder"]


def test_one_folder_inside(tmp_path: Path) -> None:
    make(tmp_path, "data/pos/1.txt", "data/neg/2.txt", "__init__.py", content="words")
    assert found(tmp_path)["train"] == ["data"]


def test_a_single_file_and_its_papers(tmp_path: Path) -> None:
    make(tmp_path, "input.txt", "SOURCE.txt", "LICENSE.txt", content="some words\n")
    assert found(tmp_path)["train"] == ["input.txt"]


def test_parallel_files(tmp_path: Path) -> None:
    for name in ("train", "val", "test_2016_flickr"):
        make(tmp_path, f"{name}.de.gz", content="Ein Satz.\n\nNoch einer.\n")
        make(tmp_path, f"{name}.en.gz", content="A sentence.\nAnd\nOne more.")
    splits = discover([tmp_path])
    assert {split: len(sources) for split, sources in splits.items()} == {"train": 1, "validation": 1, "test": 1}
    read = list(splits["train"][0].records())
    assert [one.values for one in read if isinstance(one, Record)] == [
        {"de": "Ein Satz.", "en": "A sentence."},
        {"de": "", "en": "And"},
        {"de": "Noch einer.", "en": "One more."},
    ]
    named = discover([tmp_path / "train.de.gz", tmp_path / "train.en.gz"])["train"]
    assert [source.format for source in named] == ["parallel"]
    assert named[0].digest == splits["train"][0].digest
    make(tmp_path, "val.en.gz", content="only one\n")
    with pytest.raises(SourceError, match="differ in length"):
        discover([tmp_path])


def test_saved_dataset_dict(tmp_path: Path) -> None:
    part = Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]})
    DatasetDict({"train": part, "dev": part, "unsupervised": part}).save_to_disk(tmp_path)
    assert found(tmp_path) == {"train": ["train"], "validation": ["dev"], "test": []}
    assert any(one.value == "unsupervised" for one in discover([tmp_path])["train"][0].decisions)


def test_a_short_split_is_read_like_the_first(tmp_path: Path) -> None:
    make(
        tmp_path,
        "train.csv",
        content="betreff,urteil\n" + "ein recht langer Satz ueber etwas,gut\nnoch ein langer Satz,schlecht\n" * 5,
    )
    make(tmp_path, "dev.csv", content="betreff,urteil\nkurz,gut\n")
    splits = discover([tmp_path])
    assert splits["train"][0].columns == splits["validation"][0].columns == ["betreff", "urteil"]
    assert any(one.why == "as in train.csv" for one in splits["validation"][0].decisions)


def test_a_folder_given_as_test_data(tmp_path: Path) -> None:
    make(tmp_path, "train.tsv", "test.tsv", "other/only.tsv")
    splits = discover([tmp_path / "train.tsv"], test=[tmp_path, tmp_path / "other"])
    assert [Path(source.name).name for source in splits["test"]] == ["test.tsv"]


def test_folders_without_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no data in this folder") as caught:
        discover([make(tmp_path, "model.bin", "README.md")])
    assert "model.bin" in caught.value.hint
    with pytest.raises(SourceError, match="no such file"):
        discover([tmp_path / "nothing.csv"])


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    def ignored(folder: Path) -> list[tuple[str, str]]:
        sources = [source for split in discover([folder]).values() for source in split]
        return [(one.value, one.why) for source in sources for one in source.decisions if one.what == "ignored"]

    kind = "not the same format as the data files"
    assert ignored(make(tmp_path / "files", "a.tsv", "b.tsv", "more/c.tsv", "x.json")) == [("more, x.json", kind)]
    assert ignored(make(tmp_path / "splits", "train.tsv", "test.tsv", "old/c.tsv")) == [("old", kind)]
    folders = make(tmp_path / "folders", "train/a.tsv", "test/b.tsv", "unlabelled/c.tsv", "d.tsv")
    assert ignored(folders) == [("d.tsv, unlabelled", "not in the folder of a split")]
    classes = make(tmp_path / "classes", "pos/1.txt", "neg/2.txt", "pictures/3.png", "labels.json", content="words")
    assert ignored(classes) == [("labels.json, pictures", "not a folder of texts")]
    assert ignored(make(tmp_path / "all", "a.tsv", "b.tsv")) == []


def test_a_stream_is_named_once() -> None:
    with pytest.raises(UsageError, match="a stream can be read only once") as caught:
        discover(["-"], validation=["-"])
    assert caught.value.where == "-"


def test_two_streams_are_kept_side_by_side(tmp_path: Path) -> None:
    for name in ("one", "two"):
        os.mkfifo(tmp_path / name)
        content = f"text,label\n{name},1\nfine,0\n"
        threading.Thread(target=(tmp_path / name).write_text, args=(content,), daemon=True).start()
    kept = tmp_path / "stdin"
    found = discover([tmp_path / "one"], test=[tmp_path / "two"], stdin_to=kept)
    assert [source.path for source in (*found["train"], *found["test"])] == [kept, tmp_path / "stdin-2"]
    assert [next(iter(found[split][0].records())).values["text"] for split in ("train", "test")] == ["one", "two"]


def test_texts_with_annotations_beside_them_are_not_read_without(tmp_path: Path) -> None:
    make(tmp_path, "one.txt", "one.ann")
    with pytest.raises(SourceError, match=r"one\.ann \(brat\)"):
        discover([tmp_path])
