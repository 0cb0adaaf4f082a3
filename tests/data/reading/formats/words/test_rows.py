"""Tables with one word a row become rows of sentences."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from tests.data.reading.rows import outcome, write

SENTENCES = [
    (["Ada", "Lovelace", "met", "Babbage", "."], ["B-PER", "I-PER", "O", "B-PER", "O"]),
    (["London", "slept", "."], ["B-LOC", "O", "O"]),
    (["Rain", "fell"], ["O", "O"]),
]
ROWS = [
    (number, place, word, tag)
    for number, (words, tags) in enumerate(SENTENCES, start=1)
    for place, (word, tag) in enumerate(zip(words, tags, strict=True))
]


def table(header: str, form: str) -> str:
    return header + "".join(
        form.format(number=number, place=place, word=word, tag=tag, first="" if place else f"Sentence: {number}")
        for number, place, word, tag in ROWS
    )


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("t.csv", table("sentence_id,words,labels\n", "{number},{word},{tag}\n"), ("words", "labels")),
        ("t.csv", table("Sentence #,Word,POS,Tag\n", "{first},{word},NN,{tag}\n"), ("Word", "Tag")),
        ("t.tsv", table("", "{number}\t{word}\t{tag}\n"), ("column2", "column3")),
        ("t.csv", table("tag;text;sid\n", "{tag};{word};s{number}\n"), ("text", "tag")),
        ("t.csv", table("token,ner,doc,place\n", "{word},{tag},{number},{place}\n"), ("token", "ner")),
        ("t.csv", table("sentence,token_id,token,pos\n", "{number},{place},{word},NN\n"), ("token", None)),
        ("t.csv", table("satz_id,wort,etikett\n", "{number},{word},{tag}\n"), ("wort", "etikett")),
        ("t.csv", table("sentence,next-word,word,tag\n", "{number},Ada,{word},{tag}\n"), ("word", "tag")),
        ("t.csv", table("sentence_id,word,label\n", "{number},{word},{place}\n"), ("word", None)),
        ("t.csv", table("sentence,word,tag\n", "{first},{word},{tag}\n").replace("\n,", "\nNaN,"), ("word", "tag")),
        ("t.csv", table("sentence_id,word\n", "{number},{word}\n"), ("word", None)),
        ("t.csv", "word,tag\n" + "\n,\n".join(f"{w},{t}" for w, t in zip(*SENTENCES[0], strict=True)), None),
        ("t.jsonl", table("", '{{"word": "{word}", "tag": "{tag}", "sentence": {number}}}\n'), ("word", "tag")),
        ("t.csv", table("word,tag\n", "{word},{tag}\n").replace("London", "\nLondon").replace("Rain", "\nRain"), 0),
        ("t.txt", table("", "{word};{tag}\n").replace("London", "\nLondon").replace("Rain", "\nRain"), 0),
    ],
)
def test_sentences_of_words(tmp_path: Path, name: str, text: str, columns: tuple[str, str | None] | int | None) -> None:
    read = list(open_source(write(tmp_path, name, text)).records())
    if columns is None:  # each word between rows without values
        assert [one.values["word"] for one in read] == [[word] for word in SENTENCES[0][0]]
        return
    words, tags = ("tokens", "tags") if isinstance(columns, int) else columns
    found = [(one.values[words], one.values[tags] if tags and tags != "pos" else None) for one in read]
    assert found == [(tokens, given if tags else None) for tokens, given in SENTENCES]


def test_values_of_a_sentence_and_of_its_words(tmp_path: Path) -> None:
    rows = [
        {"word": word, "tag": tag, "sent": number, "pos": "NN", "split": "train" if number < 3 else "test"}
        for number, _, word, tag in ROWS
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    (tmp_path / "t.json").write_text(json.dumps(rows))
    for name in ("t.parquet", "t.json"):
        first, *_, last = open_source(tmp_path / name).records()
        assert (first.values["split"], last.values["split"]) == ("train", "test")
        assert first.values["pos"] == ["NN"] * 5
        assert (first.row, last.row) == (1, 3)


def test_a_sentence_with_a_damaged_word_is_skipped(tmp_path: Path) -> None:
    text = table("sentence_id,words,labels\n", "{number},{word},{tag}\n")
    inside = open_source(write(tmp_path, "a.csv", text.replace("2,slept,O", "2,slept")))
    assert outcome(inside) == ["ok", "field-count", "ok"]
    assert "row 7" in list(inside.records())[1].detail
    between = open_source(write(tmp_path, "b.csv", text.replace("2,London,B-LOC", "2,London")))
    assert outcome(between) == ["field-count", "field-count", "ok"]


def test_a_word_without_a_tag_is_left_to_the_task(tmp_path: Path) -> None:
    text = table("sentence_id,words,labels\n", "{number},{word},{tag}\n").replace("2,slept,O", "2,slept,")
    assert list(open_source(write(tmp_path, "a.csv", text)).records())[1].values["labels"] == ["B-LOC", None, "O"]


def test_words_without_sentences_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing says where a sentence ends") as raised:
        open_source(write(tmp_path, "t.csv", table("word,tag\n", "{word},{tag}\n")))
    assert "sentence_id" in raised.value.hint
    rows = [f"{number},{word},{tag}\n" for number, place, word, tag in sorted(ROWS, key=lambda row: row[1]) * 3]
    with pytest.raises(SourceError, match="not together"):
        open_source(write(tmp_path, "t.csv", "sentence,word,tag\n" + "".join(rows)))


@pytest.mark.parametrize(
    "text",
    [
        "word,label\ngood,positive\nbad,negative\nodd,neutral\nfine,positive\n",
        "word,tag\nLondon,B-LOC\nAda,B-PER\n",
        "sentence,word,label\nAda met him.,met,0\nAda met him.,Ada,1\nIt rains.,rains,0\n",
        "sentence_id,text,label\n1,a good film,pos\n1,a bad one,neg\n2,so so,pos\n",
        "sentence_id,word,complex\n1,met,0\n1,Ada,1\n2,rains,0\n",
        "id,text,label\n1,good,O\n2,bad,B-1\n",
    ],
)
def test_other_tables_stay_as_they_are(tmp_path: Path, text: str) -> None:
    source = open_source(write(tmp_path, "t.csv", text))
    assert len(list(source.records())) == text.count("\n") - 1
    assert not any(isinstance(cell, list) for one in source.records() for cell in one.values.values())
