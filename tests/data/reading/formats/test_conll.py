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


WORDS, TAGS = ["Ada", "Lovelace", "met", "#1", "."], ["B-PER", "I-PER", "O", "O", "O"]
NUMBERED = [f"{place}\t{word}\t{tag}\tO" for place, (word, tag) in enumerate(zip(WORDS, TAGS, strict=True), start=1)]


def sentences(lines: list[str], *, above: str = "", n: int = 12) -> str:
    return "".join(f"{above}{chr(10).join(lines)}\n\n" for _ in range(n))


def lines(form: str) -> list[str]:
    return [form.format(word=word, tag=tag) for word, tag in zip(WORDS, TAGS, strict=True)]


@pytest.mark.parametrize("name", ["t.conll", "t.tsv", "t.txt", "t.iob2"])
@pytest.mark.parametrize(
    "text",
    [
        sentences(lines("{word}\t{tag}")),
        sentences(lines("{word}\t{tag}"), above="# 1\n"),
        sentences(lines("{word}\t{tag}"), above="# text = Ada O\n# id\n"),
        sentences(lines("{word}\t{tag}"), above="# a document\n\n"),
        sentences(lines("{word} _ _ {tag}"), above="# id 7 domain=en\n"),
        sentences(lines("{tag}\t{word}")),
        "Token\tTag\n" + sentences(lines("{word}\t{tag}")),
        "# a header\nword ner\n\n" + sentences(lines("{word} {tag}")),
        sentences(NUMBERED, above="#\thttp://example.org\t[2011]\n"),  # GermEval
        sentences([line.replace("\tO", "\tB-PERpart", 1) for line in NUMBERED[:1]] + NUMBERED[1:]).replace(
            "PERpart\tO", "PER\tB-PER"
        ),
        sentences([line + "\t-\tannotator" for line in NUMBERED]),
        sentences(lines("{word} NN B-NP {tag}")),
        sentences(lines("{word} {tag} {tag}")),  # the gold tags, and predictions
    ],
)
def test_the_fields_of_words_and_their_tags(tmp_path: Path, name: str, text: str) -> None:
    source = open_source(write(tmp_path, name, text))
    read = list(source.records())
    assert source.format == "conll"
    assert len(read) == 12
    assert all((one.values["tokens"], one.values["tags"]) == (WORDS, TAGS) for one in read)


def test_tags_of_phrases_are_no_entities_even_if_a_file_has_none(tmp_path: Path) -> None:
    for line in (
        "Ada NN B-NP {}\nmet VB B-VP O\n\n",
        "Ada NN I-NC {}\nmet VB I-VC O\n\n",
        "1 Ada B-NP {}\n2 met B-VP O\n\n",
    ):
        for tag in ("O", "B-PER"):
            source = open_source(write(tmp_path, "t.conll", line.format(tag)))
            assert next(iter(source.records())).values["tags"] == [tag, "O"]


def test_conllu(tmp_path: Path) -> None:
    rows = ["1-2\tVámonos" + "\t_" * 8, "1\tVamos\tir\tVERB\tV" + "\t_\t0\troot\t_\t_", "2\tnos\tyo\tPRON\tP"]
    rows[2] += "\t_\t1\tobj\t_\t_"
    text = sentences([*rows, "2.1\tfui\tir\tVERB" + "\t_" * 6], above="# sent_id = 1\n# text = Vámonos\n")
    source = open_source(write(tmp_path, "t.conllu", text))
    for record in source.records():
        assert record.values["tokens"] == ["Vamos", "nos"]
        assert record.values["tags"] == ["VERB", "PRON"]
        assert record.values["xpos"] == ["V", "P"]
    without = open_source(write(tmp_path, "u.conllu", text.replace("VERB", "_").replace("PRON", "_")))
    assert next(iter(without.records())).values["tags"] == ["V", "P"]


@pytest.mark.parametrize("name", ["t.conll", "t.txt"])
def test_comments_separate_sentences_without_blank_lines(tmp_path: Path, name: str) -> None:
    text = sentences(lines("{word} _ _ {tag}"), above="# id 7\tdomain=en\n").replace("\n\n", "\n")
    for source in (open_source(write(tmp_path, name, part)) for part in (text, text[: len(text) // 12])):
        assert all((one.values["tokens"], one.values["tags"]) == (WORDS, TAGS) for one in source.records())
        assert "domain=en" in str(source.decisions)


def test_words_without_tags_are_words(tmp_path: Path) -> None:
    numbered = [f"{place}\t{word}" + "\t_" * 8 for place, word in enumerate(WORDS, start=1)]
    for name, rows in (("t.conll", lines("{word} _ _ _")), ("t.conllu", numbered)):
        source = open_source(write(tmp_path, name, sentences(rows, above="# id 7\tdomain=en\n")))
        assert not {"tags", "upos"} & set(source.columns)
        assert all(one.values["tokens"] == WORDS for one in source.records())
    numbers = sentences([f"{word}\t{place % 3}" for place, word in enumerate(WORDS)])
    assert next(iter(open_source(write(tmp_path, "n.conll", numbers)).records())).values["tags"] == list("01201")


def test_a_damaged_line_is_no_comment_within_a_sentence(tmp_path: Path) -> None:
    text = sentences(lines("{word}\t{tag}")) + "Ada\tB-PER\n#tag\nmet\tO\n\n# a comment\n\n"
    source = open_source(write(tmp_path, "t.conll", text))
    assert outcome(source) == ["ok"] * 12 + ["field-count"]
    assert "line 74" in list(source.records())[-1].detail


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n\nSome prose.\n\n# Another\n\nMore prose, and more.\n" * 5,
        "# a\tb\nA good film\tB-movie\n\nA bad film\tB-movie\n\n" * 5,
        "1\tgood\n2\tbad\n\n" * 9,
        "a\tb\n\n",
    ],
)
def test_other_texts_with_blank_lines_are_not_conll(tmp_path: Path, text: str) -> None:
    assert open_source(write(tmp_path, "t.txt", text)).format != "conll"
