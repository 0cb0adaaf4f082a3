"""A sample of a text file holds rows of the file and nothing else, from all over it."""

import csv
import gzip
import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from luthier.data.reading import blocks
from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record, Skipped
from tests.data.reading.rows import write

FAST = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
LABELS = [f"label {i}" for i in range(12)]
# Texts that look like rows of a CSV file, and like the ends and starts of such.
PIECES = [
    "good",
    "fine, too",
    'he said "so"',
    '"',
    '""',
    ",",
    '","',
    "\n",
    '",bad\n',
    '\n"x",y\n',
    "a,b\n",
    "  ",
]


def as_csv(rows: list[list[str]], quoting: int = csv.QUOTE_MINIMAL, newline: str = "\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=newline).writerows(rows)
    return text.getvalue()


def drawn(source: Source, size: int = 20_000) -> list[Record]:
    """The records of a sample; nothing was skipped."""
    part = source.part(size)
    assert part is not None
    read = list(part[0].records())
    assert not [row for row in read if isinstance(row, Skipped)]
    return [row for row in read if isinstance(row, Record)]


def sorted_rows(seed: int, breaks: bool) -> list[list[str]]:
    """Rows sorted by label, with texts that are hard to read."""
    rng = random.Random(seed)
    pieces = [piece for piece in PIECES if breaks or "\n" not in piece]
    texts = ["".join(rng.choices(pieces, k=rng.randint(1, 9))) for _ in range(12_000)]
    return [[LABELS[i * len(LABELS) // len(texts)], f"{text} {i}"] for i, text in enumerate(texts)]


@FAST
@given(st.integers(0, 1000), st.booleans(), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@example(57, True, csv.QUOTE_MINIMAL)  # the first block ends in text that may be rows or a field
def test_each_sampled_row_is_a_row_of_the_table(tmp_path: Path, seed: int, breaks: bool, quoting: int) -> None:
    table = sorted_rows(seed, breaks)
    path = write(tmp_path, "t.csv", as_csv([["label", "text"], *table], quoting, ["\n", "\r\n"][seed % 2]))
    found = [[*row.values.values()] for row in drawn(open_source(path))]
    known = {tuple(row) for row in table}
    assert 100 < len(found) < len(table) / 2
    assert all(tuple(row) in known for row in found)
    assert len({tuple(row) for row in found}) == len(found), "no row twice"
    assert {label for label, _ in found} == set(LABELS)


@pytest.mark.parametrize("ending", ["jsonl", "txt", "tsv"])
def test_a_sample_of_a_sorted_file_finds_all_labels(tmp_path: Path, ending: str) -> None:
    rows = [[label, f"text {i} of\u2028{label}"] for i, label in enumerate(LABELS * 1000)]
    rows.sort()
    lines = {
        "jsonl": [json.dumps(dict(zip(["label", "text"], row, strict=True))) for row in rows],
        "txt": [f"{label} {text}" for label, text in rows],
        "tsv": ["label\ttext", *map("\t".join, rows)],
    }[ending]
    how = Reading(by_line=ending == "txt")  # or the labels are asked about
    found = drawn(open_source(write(tmp_path, f"t.{ending}", "\n".join(lines) + "\n"), how=how))
    read = [" ".join(map(str, row.values.values())) for row in found]
    assert set(read) <= {" ".join(row) for row in rows}
    assert {label for label in LABELS if any(line.startswith(f"{label} ") for line in read)} == set(LABELS)


def test_sentences_of_a_sample_are_whole(tmp_path: Path) -> None:
    sentences = [[f"word{i}-{k} {'O' if k % 3 else 'B-PER'}" for k in range(1 + i % 7)] for i in range(9000)]
    path = write(tmp_path, "t.conll", "\n\n".join("\n".join(sentence) for sentence in sentences) + "\n")
    found = [row.values["tokens"] for row in drawn(open_source(path))]
    known = {tuple(line.split()[0] for line in sentence) for sentence in sentences}
    assert len(found) > 50 and {tuple(tokens) for tokens in found} <= known


def test_passages_of_a_sample_are_whole_paragraphs(tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {i} begins here.\nIt goes on.\nIt ends, {i}." for i in range(6000)]
    path = write(tmp_path, "t.txt", "\n\n".join(paragraphs) + "\n")
    found = [part for row in drawn(open_source(path)) for part in row.values["text"].split("\n\n")]
    assert len(found) > 50 and set(found) <= set(paragraphs)


def test_of_a_compressed_file_the_beginning_is_read(tmp_path: Path) -> None:
    table = sorted_rows(1, breaks=True)
    path = write(tmp_path, "t.csv.gz", gzip.compress(as_csv([["label", "text"], *table]).encode()))
    source = open_source(path)
    part = source.part(20_000)
    assert part is not None
    sample, share = part
    found = [[*row.values.values()] for row in sample.records() if isinstance(row, Record)]
    assert found == table[: len(found)] and 100 < len(found) < len(table) / 2
    assert 0 < share < 1
    assert "since the file is compressed" in sample.decisions[-1].why


def test_where_it_is_unclear_where_rows_start_the_beginning_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "LONGEST", 1 << 11)
    lines = "\n".join(f"line {i}" for i in range(1000))  # longer than what is looked through
    table = [["good", f"text {i}"] for i in range(2000)] + [["good", f"{i}: {lines}"] for i in range(50)]
    part = open_source(write(tmp_path, "t.csv", as_csv([["label", "text"], *table]))).part(20_000)
    assert part is not None and "unclear where rows start" in part[0].decisions[-1].why


def test_damaged_rows_are_skipped_in_a_sample_too(tmp_path: Path) -> None:
    lines = [f"good,text {i}" if i % 20 else f"good,text {i},more" for i in range(9000)]
    part = open_source(write(tmp_path, "t.csv", "label,text\n" + "\n".join(lines) + "\n")).part(20_000)
    assert part is not None
    read = list(part[0].records())
    skipped = [row for row in read if isinstance(row, Skipped)]
    assert {row.reason for row in skipped} == {"field-count"}
    assert len(skipped) / len(read) == pytest.approx(0.05, abs=0.02)


def test_a_sample_says_what_it_is_and_leaves_its_source_as_it_was(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "t.csv", as_csv([["label", "text"], *sorted_rows(3, breaks=True)])))
    decisions, rows = [*source.decisions], list(source.records())
    part = source.part(20_000)
    assert part is not None
    assert part[0].name == f"{source.name} (sample)" and part[0].digest == ""
    assert {row.source for row in part[0].records()} == {part[0].name}
    assert part[0].decisions[:-1] == decisions and part[0].decisions[-1].what == "sample"
    assert source.decisions == decisions and list(source.records()) == rows


def test_what_cannot_be_cut_is_read_whole(tmp_path: Path) -> None:
    rows = [{"label": "good", "text": f"text {i}"} for i in range(2000)]
    assert open_source(write(tmp_path, "t.json", json.dumps(rows))).part(1000) is None
    text = as_csv([["label", "text"], *sorted_rows(4, breaks=False)])
    assert open_source(write(tmp_path, "wide.csv", text.encode("utf-16"))).part(1000) is None
    assert open_source(write(tmp_path, "one.txt", "word " * 400_000)).part(1000) is None, "a single line"
    assert open_source(write(tmp_path, "small.csv", "label,text\na,b\n")).part(1000) is None
