import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.reading.choose import open_file
from luthier.data.reading.discover import discover
from luthier.data.reading.files import find_file
from luthier.data.reading.formats.fasttext import _parted
from luthier.data.reading.reader import Reading
from luthier.data.records import Record


def read(tmp_path, text, name="train.txt"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    reader = open_file(find_file(str(path), path), Reading())
    return reader, [row.values for row in reader.records() if isinstance(row, Record)]


@pytest.mark.parametrize("name", ["train.txt", "cooking.train", "amazon.ft.txt.gz", "train.csv"])
def test_one_label(tmp_path, name):
    reader, rows = read(tmp_path, "__label__2 Great, I say: buy it.\n\n__label__1 bad , bad\n", name)
    assert (reader.format, reader.columns) == ("fasttext", ["text", "label"])
    assert rows == [{"text": "Great, I say: buy it.", "label": "2"}, {"text": "bad , bad", "label": "1"}]


@pytest.mark.parametrize(
    ("line", "text", "labels"),
    [
        ("__label__a __label__b two  words", "two  words", ["a", "b"]),
        ("__label__a,__label__b two words", "two words", ["a", "b"]),
        ("two words __label__a", "two words", ["a"]),
        ("two __label__a words", "two words", ["a"]),
        ("__label__a\ttwo words", "two words", ["a"]),
        ("__label__良い 私は", "私は", ["良い"]),
        ('"__label__a two ""words"""', 'two "words"', ["a"]),
        ("__label__a", "", ["a"]),
        ("two words", "two words", []),
    ],
)
def test_every_word_with_the_prefix_is_a_label(line, text, labels):
    assert _parted(line, "__label__") == (text, labels)


@given(st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), min_size=1, max_size=3, unique=True), st.text("ab ,._"))
def test_what_was_written_is_read(labels, text):
    line = " ".join(f"__label__{label}" for label in labels) + f" {text}"
    assert _parted(line, "__label__") == (text.strip(), labels)


def test_several_labels_are_lists_and_a_line_without_one_has_no_label(tmp_path):
    reader, rows = read(tmp_path, "__label__a __label__b x\n__label__c y\nz\n")
    assert reader.columns == ["text", "label"]  # as in a file of single labels
    assert [row["label"] for row in rows] == [["a", "b"], ["c"], None]


@pytest.mark.parametrize("prefix", ["__class__", "__intent__"])
def test_another_prefix_needs_nearly_all_lines(tmp_path, prefix):
    lines = [f"{prefix}a x" for _ in range(9)]
    assert read(tmp_path, "\n".join(lines))[0].format == "fasttext"
    assert read(tmp_path, "\n".join([*lines, "y"]))[0].format == "text"


@pytest.mark.parametrize(
    ("text", "name", "form"),
    [
        ("In Python, __init__ comes first.\nIt makes an object.\nNothing else does.\n", "a.txt", "text"),
        ("__init__.py is empty\n__init__.py is full\n", "a.txt", "text"),
        ('label,text\n__label__a,"great, really"\n__label__b,bad\n', "a.csv", "csv"),
        ("__label__a\tgreat\t2021\n__label__b\tbad\t2020\n", "a.tsv", "csv"),
    ],
)
def test_other_texts_and_tables(tmp_path, text, name, form):
    assert read(tmp_path, text, name)[0].format == form


def test_a_folder_as_the_tutorial_has_it(tmp_path):
    for name in ("cooking.train", "cooking.valid", "readme.txt"):
        (tmp_path / name).write_text("__label__a x\n__label__b y\n")
    found = discover([tmp_path])
    assert {split: [source.format for source in sources] for split, sources in found.items()} == {
        "train": ["fasttext"],
        "validation": ["fasttext"],
        "test": [],
    }
