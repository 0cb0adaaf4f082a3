"""One folder for each class, with a text file for each row."""

import subprocess
import sys
from pathlib import Path

import pytest

from luthier.data.reading import charset
from luthier.data.reading.discover import discover
from luthier.data.reading.formats import folders
from luthier.data.reading.formats.folders import FolderReader, find_classes
from luthier.data.reading.sources import open_source
from luthier.data.records import Record, Skipped
from luthier.errors import SourceError
from tests.data.reading.rows import outcome, rows, write


def fill(folder: Path, **files: str | bytes) -> Path:
    """Files by their name, with `__` for a slash and `_txt` for the extension."""
    for name, content in files.items():
        write(folder, name.replace("__", "/").replace("_txt", ".txt"), content)
    return folder


def inside(folder: Path) -> dict[str, list[str]]:
    return {
        label: [file.relative_to(folder).as_posix() for file in files] for label, files in find_classes(folder).items()
    }


def test_class_folders(tmp_path: Path) -> None:
    write(tmp_path, "neg/2.txt", "bad")
    write(tmp_path, "neg/deep/3.txt", b"caf\xe9 mauvais")
    write(tmp_path, "pos/1.txt", "fine\nand long\n")
    write(tmp_path, "pos/notes.md", "not data")
    write(tmp_path, "pos/nul.txt", b"nul \x00 here")
    source = open_source(tmp_path)
    read = list(source.records())
    assert (source.format, source.columns) == ("folder", ["text", "label"])
    assert [(one.source, one.row) for one in read] == [
        ("neg/2.txt", 1),
        ("neg/deep/3.txt", 2),
        ("pos/1.txt", 3),
        ("pos/nul.txt", 4),
    ]
    assert [one.values for one in read if isinstance(one, Record)] == [
        {"text": "bad", "label": "neg"},
        {"text": "café mauvais", "label": "neg"},
        {"text": "fine\nand long\n", "label": "pos"},
    ]
    assert isinstance(read[3], Skipped)
    assert read[3].reason == "encoding"
    before = source.digest
    (tmp_path / "pos" / "1.txt").rename(tmp_path / "pos" / "4.txt")
    assert open_source(tmp_path).digest != before


def test_every_file_is_a_row_or_skipped(tmp_path: Path) -> None:
    fill(tmp_path, pos__1_txt="fine", pos__2_txt=b"nu\0l", neg__3_txt="", neg__4_txt="bad")
    assert outcome(open_source(tmp_path)) == ["ok", "ok", "ok", "encoding"]


def test_texts_are_found_at_any_depth_and_in_order(tmp_path: Path) -> None:
    fill(tmp_path, b__2_txt="x", b__10_txt="x", b__deep__er__1_txt="x", a__x_txt="x", a__x="no text beside a .txt")
    assert inside(tmp_path) == {"a": ["a/x.txt"], "b": ["b/10.txt", "b/2.txt", "b/deep/er/1.txt"]}


def test_files_without_extension_are_texts_where_there_are_no_others(tmp_path: Path) -> None:
    fill(tmp_path, a__10001="x", a__10002="x")
    write(tmp_path, "b/post.7", "x")
    write(tmp_path, "b/picture.png", "x")
    assert inside(tmp_path) == {"a": ["a/10001", "a/10002"], "b": ["b/post.7"]}


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("a/1.txt", "b/2.txt", "a/.3.txt", ".git/4.txt", "__pycache__/5.txt"):
        write(tmp_path, name, "x")
    assert inside(tmp_path) == {"a": ["a/1.txt"], "b": ["b/2.txt"]}


def test_one_folder_of_texts_is_no_set_of_classes(tmp_path: Path) -> None:
    fill(tmp_path, a__1_txt="x", a__2_txt="x", readme_txt="x")
    (tmp_path / "empty").mkdir()
    assert find_classes(tmp_path) == {}
    with pytest.raises(SourceError, match="no such file"):
        find_classes(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["unsup", "Unlabeled", "unlabelled", "unsupervised", "no_label"])
def test_a_folder_of_unlabelled_texts_is_no_class(tmp_path: Path, name: str) -> None:
    for label in ("neg", "pos", name):
        (tmp_path / label).mkdir()
        write(tmp_path / label, "a.txt", "text")
    classes = find_classes(tmp_path)
    assert set(classes) == {"neg", "pos"}
    told = {one.what: one.value for one in FolderReader.open("mine", tmp_path, classes).decisions}
    assert told["ignored"] == name
    assert [one.value for one in discover([tmp_path])["train"][0].decisions if one.what == "ignored"] == [name]


def test_an_unlabelled_folder_beside_one_other_may_be_a_class(tmp_path: Path) -> None:
    for label in ("labelled", "unlabelled"):
        (tmp_path / label).mkdir()
        write(tmp_path / label, "a.txt", "text")
    assert set(find_classes(tmp_path)) == {"labelled", "unlabelled"}


def test_files_that_are_not_utf_8_share_one_other_encoding(tmp_path: Path) -> None:
    fill(tmp_path, a__1_txt="\ufeffgrößer", a__2_txt="très bon, été".encode("latin-1"), b__3_txt="\u20ac".encode())
    source = open_source(tmp_path)
    assert rows(source) == [["größer", "a"], ["très bon, été", "a"], ["€", "b"]]
    encoding = next(one for one in source.decisions if one.what == "encoding")
    assert encoding.value == "utf-8, else cp1252"
    assert "1 file" in encoding.why


def test_a_text_that_is_too_long_is_skipped_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LONGEST_LINE", 100)
    assert charset.LONGEST_LINE > 100
    assert outcome(open_source(fill(tmp_path, a__1_txt="x" * 100, b__2_txt="x" * 101))) == ["ok", "too-long"]


def test_the_digest_is_of_names_and_bytes_wherever_the_folder_lies(tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        return FolderReader.open(folder.name, folder, find_classes(folder)).digest()

    first = digest(fill(tmp_path / "one", a__1_txt="x", b__2_txt="y"))
    assert digest(fill(tmp_path / "two", a__1_txt="x", b__2_txt="y")) == first
    assert digest(fill(tmp_path / "two", b__2_txt="z")) != first
    assert digest(fill(tmp_path / "three", b__1_txt="x", a__2_txt="y")) != first


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 there")
def test_a_file_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, good__1_txt="a text")
    write(tmp_path, "bad/2\udce9.txt", "a text")
    with pytest.raises(SourceError, match="not valid UTF-8"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("form", "labels", "where"),
    [
        ("{0}_{1}", ("neg", "pos"), "begin"),
        ("{1}_{0}", ("neg", "pos"), "end"),
        ("{1}_{0}", ("1", "10"), "end"),
        ("{0}_{1}", ("0", "1"), "begin"),
    ],
)
def test_labels_in_the_names_of_files_are_asked_about(
    tmp_path: Path, form: str, labels: tuple[str, str], where: str
) -> None:
    names = [f"{form.format(label, i + 20 * place)}_txt" for place, label in enumerate(labels) for i in range(6)]
    folder = fill(tmp_path / "texts", **dict.fromkeys(names, "worn bow"))
    with pytest.raises(SourceError, match=f"may {where} with labels: {', '.join(labels)}") as caught:
        discover([folder])
    subprocess.run(caught.value.hint.split("`")[1], shell=True, check=True)
    assert {label: len(files) for label, files in find_classes(folder).items()} == dict.fromkeys(labels, 6)


@pytest.mark.parametrize(
    "names",
    [
        ["chapter_{}"],
        ["neg_{}", "readme"],
        ["a{}b"],
        ["train_{}", "test_{}"],
        ["1_{}", "2_{}"],
        ["2020_0{}", "2021_0{}"],
    ],
)
def test_other_names_of_files_hold_no_labels(tmp_path: Path, names: list[str]) -> None:
    files = [f"{name.format(i)}_txt" for name in names for i in range(6)]
    assert discover([fill(tmp_path, **dict.fromkeys(files, "worn bow"))])["train"]
