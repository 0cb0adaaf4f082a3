"""Line-aligned files in several languages: line n of each is the same sentence."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.data.reading.discover import discover
from luthier.data.reading.formats.parallel import FileGroup, ParallelReader, group_languages
from luthier.data.records import Record
from luthier.errors import SourceError
from tests.data.reading.rows import outcome, rows, write


def opened(folder: Path, **contents: str | bytes) -> ParallelReader:
    """A reader of one file for each language."""
    files = tuple(write(folder, f"t.{language}", content) for language, content in contents.items())
    group = FileGroup("t", files, tuple(contents))
    return ParallelReader.open("mine", [file.name for file in files], group)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["ok", "encoding"]), min_size=1, max_size=8))
def test_parallel_files(tmp_path: Path, units: list[str]) -> None:
    pieces = {"ok": "Ein Satz.\n", "encoding": "nu\0l\n"}
    files = [
        write(tmp_path, "t.de", "".join(pieces[unit] for unit in units)),
        write(tmp_path, "t.en", "x\n" * len(units)),
    ]
    (source,) = discover(files)["train"]
    assert (source.format, outcome(source)) == ("parallel", units)


@pytest.mark.parametrize("folder", [False, True])
def test_two_files_of_one_language_are_both_read(tmp_path: Path, folder: bool) -> None:
    files = [write(tmp_path, "t.de.txt", "Eins.\n"), write(tmp_path, "t_de.txt", "Zwei.\n")]
    sources = discover([tmp_path] if folder else files)["train"]
    assert sorted(row for source in sources for row in rows(source)) == [["Eins."], ["Zwei."]]


def test_a_row_holds_line_n_of_each_language_blank_or_not(tmp_path: Path) -> None:
    reader = opened(tmp_path, de="Eins.\r\n\nDrei.", en="One.\n \nThree.\n")
    assert reader.columns == ["de", "en"]
    assert list(reader.records()) == [
        Record("mine", 1, {"de": "Eins.", "en": "One."}),
        Record("mine", 2, {"de": "", "en": " "}),
        Record("mine", 3, {"de": "Drei.", "en": "Three."}),
    ]


def test_each_file_has_an_encoding_of_its_own(tmp_path: Path) -> None:
    reader = opened(tmp_path, de="Größe\n".encode("utf-16"), en="size\n", fr="\ufefftaille\n")
    (row,) = reader.records()
    assert isinstance(row, Record)
    assert row.values == {"de": "Größe", "en": "size", "fr": "taille"}
    assert [one.value for one in reader.decisions if one.what == "encoding"] == ["utf-16", "utf-8", "utf-8"]


def test_files_that_differ_in_length_are_refused_with_their_lengths(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="differ in length") as caught:
        opened(tmp_path, de="Eins.\nZwei.\n", en="One.\n")
    assert caught.value.where == "t.de: 2 lines, t.en: 1 line"
    assert caught.value.hint


def test_files_that_change_while_they_are_read_are_refused(tmp_path: Path) -> None:
    reader = opened(tmp_path, de="Eins.\nZwei.\n", en="One.\nTwo.\n")
    write(tmp_path, "t.en", "One.\n")
    with pytest.raises(SourceError, match="changed") as caught:
        list(reader.records())
    assert caught.value.where == "mine"
    assert "try again" in caught.value.hint


def test_the_digest_changes_with_any_of_the_files(tmp_path: Path) -> None:
    first = opened(tmp_path / "1", de="Eins.\n", en="One.\n").digest()
    assert opened(tmp_path / "2", de="Eins.\n", en="One.\n").digest() == first
    assert opened(tmp_path / "3", de="Eins.\n", en="Two.\n").digest() != first
    assert opened(tmp_path / "4", de="One.\n", en="Eins.\n").digest() != first


def grouped(*names: str) -> list[tuple[str, list[str], tuple[str, ...]]]:
    found = group_languages([Path(name) for name in names])
    return [(group.name, [file.as_posix() for file in group.files], group.languages) for group in found]


def test_files_that_differ_only_in_their_language_belong_together() -> None:
    assert grouped("train.en.gz", "train.de.gz", "test.de.gz") == [
        ("test.de.gz", ["test.de.gz"], ()),
        ("train.gz", ["train.de.gz", "train.en.gz"], ("de", "en")),
    ]
    assert grouped("a_en.txt", "a_pt_BR.txt", "a_pt-PT.txt") == [
        ("a.txt", ["a_en.txt", "a_pt-PT.txt", "a_pt_BR.txt"], ("en", "pt-PT", "pt_BR")),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("a/t.de", "b/t.en"),  # in two folders
        ("t.de", "u.en"),
        ("t.de", "t.en.txt"),
        ("main.c", "main.xx"),  # no languages
        ("t.csv", "t.tsv"),
        ("de", "en"),  # names of languages alone
    ],
)
def test_other_files_stand_alone(names: tuple[str, ...]) -> None:
    assert grouped(*names) == [(Path(name).name, [name], ()) for name in sorted(names)]


def test_compressed_files_are_read_in_languages_too(tmp_path: Path) -> None:
    files = [write(tmp_path, f"t.{name}.gz", gzip.compress(f"{name}\n".encode())) for name in ("de", "en")]
    (source,) = discover(files)["train"]
    assert rows(source) == [["de", "en"]]


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("train.source", "train.target", "train"),
        ("train.src.gz", "train.tgt.gz", "train.gz"),
        ("train.src", "train.trg", "train"),
        ("src-train.txt", "tgt-train.txt", "train.txt"),
        ("train_source.txt", "train_target.txt", "train.txt"),
        ("source.txt", "target.txt", "*.txt"),
    ],
)
def test_a_source_and_its_target_belong_together(tmp_path: Path, one: str, other: str, name: str) -> None:
    pack = gzip.compress if one.endswith(".gz") else bytes
    files = [write(tmp_path, file, pack(f"{file}\n".encode())) for file in (other, one)]
    (group,) = group_languages(files)
    assert (group.name, group.languages) == (name, ("source", "target"))
    for specs in ([tmp_path], files):
        (source,) = discover(specs)["train"]
        assert source.columns == ["source", "target"]
        assert rows(source) == [[one, other]]


@pytest.mark.parametrize(
    "names",
    [
        ("train.source", "dev.target"),
        ("train.source", "train.tgt"),
        ("train.src", "train.tgt", "train.trg"),
        ("train.src", "train.de"),
        ("source.txt", "SOURCE.txt"),
        ("resource.txt", "target.txt"),
        ("open-source.txt", "closed-source.txt"),
    ],
)
def test_other_files_stay_alone(names: tuple[str, ...]) -> None:
    groups = group_languages([Path(name) for name in names])
    assert sorted(group.name for group in groups) == sorted(names)
    assert not any(group.languages for group in groups)


def test_splits_of_sources_and_targets(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for side in ("src", "tgt"):
            write(tmp_path, f"{split}.{side}", f"{split} {side}\n")
    splits = discover([tmp_path])
    assert {name: [rows(source) for source in sources] for name, sources in splits.items()} == {
        "train": [[["train src", "train tgt"]]],
        "validation": [[["val src", "val tgt"]]],
        "test": [[["test src", "test tgt"]]],
    }


@pytest.mark.parametrize(
    ("texts", "labels", "name"),
    [
        ("train_text.txt", "train_labels.txt", "train_*.txt"),
        ("val.text", "val.labels", "val.*"),
        ("text.txt", "labels.txt", "*.txt"),
        ("X_train.txt", "y_train.txt", "*_train.txt"),
        ("sentences.txt.gz", "classes.txt.gz", "*.txt.gz"),
    ],
)
def test_texts_and_labels_are_a_group(texts: str, labels: str, name: str) -> None:
    files = [Path("d") / texts, Path("d") / labels]
    for order in (files, files[::-1]):
        (group,) = group_languages(order)
        assert (group.name, group.languages) == (name, ("label", "text"))
        assert group.files == (files[1], files[0])


@pytest.mark.parametrize(
    "names",
    [
        ["train_text.csv", "train_labels.csv"],  # tables
        ["train_text.txt", "test_labels.txt"],
        ["x.txt", "y.txt"],
        ["text.txt", "text_labels.txt"],
        ["train.txt", "labels.txt"],
    ],
)
def test_other_files_are_single(names: list[str]) -> None:
    assert [group.languages for group in group_languages([Path(name) for name in names])] == [(), ()]


def test_a_line_is_a_text_with_its_label(tmp_path: Path) -> None:
    for split, n in (("train", 3), ("val", 2)):
        (tmp_path / f"{split}_text.txt").write_text("".join(f"text {i}\n" for i in range(n)))
        (tmp_path / f"{split}_labels.txt").write_text("".join(f"{i % 2}\n" for i in range(n)))
    (tmp_path / "mapping.txt").write_text("0\tbad\n1\tgood\n")
    found = discover([tmp_path])
    rows = {split: [row.values for source in some for row in source.records()] for split, some in found.items()}
    assert rows["train"] == [{"label": str(i % 2), "text": f"text {i}"} for i in range(3)]
    assert len(rows["validation"]) == 2 and rows["test"] == []
    (tmp_path / "val_labels.txt").write_text("0\n")
    with pytest.raises(SourceError, match="differ in length"):
        discover([tmp_path])
