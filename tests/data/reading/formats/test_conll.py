"""CoNLL columns."""

from pathlib import Path

import pytest

from luthier.data.reading.sources import open_source
from tests.data.reading.rows import outcome, write


def test_conll(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n \nPeter NNP B-PER\n\nlost O\n\nBlackburn NNP I-PER\n"
    source = open_source(write(tmp_path, "t.conll", text * 20))
    assert source.columns == ["tokens", "column2", "tags"]
    read = list(source.records())
    assert read[0].values == {"tokens": ["EU", "rejects"], "column2": ["NNP", "VBZ"], "tags": ["B-ORG", "O"]}
    assert outcome(source)[:4] == ["ok", "ok", "field-count", "ok"]
    assert "line 8" in read[2].detail


def test_a_document_mark_without_a_blank_line_loses_no_sentence(tmp_path: Path) -> None:
    mark, sentences = "-DOCSTART- -X- O\n", ["EU NNP B-ORG\nrejects VBZ O\n", "Peter NNP B-PER\n", "lost VBD O\n"]
    expected = [["EU", "rejects"], ["Peter"], ["lost"]]
    for between in (mark, mark + "\n", "\n" + mark, "\n" + mark + "\n", "\n"):
        source = open_source(write(tmp_path, "t.conll", mark + between.join(sentences) + mark))
        assert [record.values["tokens"] for record in source.records()] == expected, between


SPEECH = (
    "The\tDET\nold\tADJ\ndog\tNOUN\nsees\tVERB\na\tDET\nriver\tNOUN\n.\tPUNCT\n\nIt\tPRON\nruns\tVERB\n.\tPUNCT\n\n"
)


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("t.conll", SPEECH * 2, ["tokens", "tags"]),
        ("t.conll", SPEECH.replace("\t", " ") * 2, ["tokens", "tags"]),
        ("t.conll", SPEECH.lower() * 2, ["tokens", "tags"]),
        ("t.tsv", SPEECH * 10, ["tokens", "tags"]),
        # None of these is words with tags: texts with labels, numbered words, numbers, tags before their words.
        ("t.tsv", SPEECH.replace("The", "The big") * 10, None),
        ("t.tsv", SPEECH.lower() * 10, None),
        ("t.tsv", SPEECH.replace("\n\n", "\n") * 10, None),
        ("t.conll", "".join(f"{i}\t{'ab'[i % 2]}\n\n" for i in range(20)), None),
        ("t.conll", "".join(f"w{i}\t{i % 2}\n\n" for i in range(20)), None),
        ("t.conll", "".join(f"{'AB'[i % 2]}\tw{i}\n\n" for i in range(20)), None),
    ],
)
def test_parts_of_speech_are_words_with_tags(tmp_path: Path, name: str, text: str, columns: list[str] | None) -> None:
    source = open_source(write(tmp_path, name, text))
    assert (source.columns if source.format == "conll" else None) == columns
    if columns:
        first = next(iter(source.records()))
        assert [tag.upper() for tag in first.values["tags"]] == ["DET", "ADJ", "NOUN", "VERB", "DET", "NOUN", "PUNCT"]
