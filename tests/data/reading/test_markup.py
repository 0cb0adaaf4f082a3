"""Markup is refused by name; texts with some of it are not."""

import shlex
import subprocess
from pathlib import Path

import pytest

from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from tests.data.reading.rows import rows, write

SENTENCES = [f"Bow {i} is worn." for i in range(20)]
MARKUP = {
    "an HTML page": "\ufeff\n<!DOCTYPE html>\n<p>Sign in</p>",
    "XML": "<?xml version='1.0'?><rows><row>Fine</row></rows>",
    "XML or SGML": "<srcset>\n"
    + "".join(f"<seg id='{i}'>{one}</seg>\n" for i, one in enumerate(SENTENCES))
    + "</srcset>",
    "ARFF": "% made by hand\n@RELATION bows\n@attribute text string\n@data\n'fine'\n",
    "a gettext catalogue": "# German\n" + "".join(f'msgid "{one}"\nmsgstr ""\n\n' for one in SENTENCES),
    "subtitles": "1\n00:00:01,000 --> 00:00:02,500\nFine.\n\n2\n00:00:03,000 --> 00:00:04,000\nWorn.\n",
    "rich text": r"{\rtf1 Fine}",
    "numbers of features": "".join(f"{i % 2} 3:0.5 {i + 5}:1 900:2e-3\n" for i in range(20)),
    "words with tags behind a slash": "Ada/NNP sings/VBZ in/IN 1843/CD ./.\n" * 20,
    "corrections in M2": "S He sing .\nA 1 2|||R:VERB|||sings|||REQUIRED|||-NONE-|||0\n\n" * 20,
    "annotations of PubTator": "1|t|Ada sings\n1|a|She sings.\n1\t0\t3\tAda\tPerson\tP1\n\n" * 20,
    "conversations": "Fine . __eou__ And you ? __eou__\n" * 20,
    "texts with a list": "".join(f"Ada {i} sings ['B-PER', 'O', 'O']\n" for i in range(20)),
    "parse trees": "(3 (2 the) (2 bow))\n" * 5,
}


@pytest.mark.parametrize("kind", MARKUP)
def test_markup_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match=f"looks like {kind}") as caught:
        open_source(write(tmp_path, "t.txt", MARKUP[kind]))
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "text,label\n<html>,1\n<b>fine</b>,2\n",
        "".join(f"<b>Bow</b> {i} is worn.\n" for i in range(20)),
        "(see below) It is fine (they say).\n" * 5 + "Worn.\n" * 5,
        "<p>a</p>\t<p>b</p>\n" * 5,
        "".join(f"{i} bows are worn.\n" for i in range(40)),
        "".join(f"{i % 2} bows\n" for i in range(10)) + "None is worn.\n" * 10,
        "".join(f"{'AB'[i % 2]} bow {i} is worn.\n" for i in range(40)),
        "".join(f"{('INSERT', 'DELETE')[i % 2]} bow {i};\n" for i in range(40)),
        "".join(f"{('BOW', 'CASE')[i % 2]} {i} IS WORN\n" for i in range(40)),
        "".join(f"[{('INFO', 'WARN')[i % 2]}] bow {i} is worn\n" for i in range(40)),
        "".join(f"{chr(65 + i % 12) * 2} bow {i} is worn\n" for i in range(99)),
        "".join(f"[{i}] bow {i % 2} is worn (19{i:02})\n" for i in range(40)),
        "".join(f"bow {i} is worn [{i}]\n" for i in range(40)),
        "".join(f"either/or and/or {i}/2\n" for i in range(40)),
        "".join(f"S and A {i} are worn\n" for i in range(40)),
        "Ada B-PER\n\nsings O\n\n" * 20,
        "".join(f"the bow {'ab'[i % 2]}\n" for i in range(40)),
        "".join(f"[{'ab'[i % 2]}] bow {i} is worn.\n" for i in range(38)) + "None of them is worn.\n" * 2,
    ],
)
def test_some_markup_in_a_text_is_part_of_it(tmp_path: Path, text: str) -> None:
    assert rows(open_source(write(tmp_path, "t.txt", text)))


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("{0} bow {1} is worn", "begins"),
        ("{2} What is bow {1} ?", "begins"),
        ("bow {1} is worn  {0}", "ends"),
        ("{3} What is bow {1} ?", "begins"),
        ("[{3}] bow {1} is worn", "begins"),
        ("bow {1} is worn | {3}", "ends"),
        ("bow {1} is (very) worn ({3})", "ends"),
        ("bow {1} is worn #{3}", "ends"),
    ],
)
def test_lines_with_labels_are_asked_about(tmp_path: Path, line: str, where: str) -> None:
    labels = ("DESC:manner", "NUM:date", "LOC:city")
    text = "".join(line.format(i % 3, i, labels[i % 3], labels[i % 3].split(":")[0]) + "\n" for i in range(40))
    file = write(tmp_path, "t.txt", text)
    with pytest.raises(SourceError, match=f"each line {where} with what looks like a label") as caught:
        open_source(file)
    assert rows(open_source(file, how=Reading(by_line=True))) == [[one] for one in text.splitlines()]
    command = caught.value.hint.split("`")[1].split(" > ")[0]
    table = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    cells = [row.split("\t") for row in table.splitlines()]
    assert {len(row) for row in cells} == {2}
    place = 0 if where == "begins" else 1
    assert {row[place] for row in cells} in ({"0", "1", "2"}, {*labels}, {"DESC", "NUM", "LOC"})


def test_lines_to_predict_may_be_markup(tmp_path: Path) -> None:
    file = write(tmp_path, "t.txt", "<b>fine</b>\n" * 5)
    assert len(rows(open_source(file, how=Reading(by_line=True)))) == 5


def test_words_with_tags_need_an_end_of_each_sentence(tmp_path: Path) -> None:
    file = write(tmp_path, "t.txt", "Ada B-PER\nsings O\nin O\nParis B-LOC\n. O\n" * 6)
    with pytest.raises(SourceError, match="nothing says where a sentence ends") as caught:
        open_source(file)
    command = shlex.split(caught.value.hint.split("`")[1].split(" > ")[0])
    text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert len(rows(open_source(write(tmp_path, "t.conll", text)))) == 6
