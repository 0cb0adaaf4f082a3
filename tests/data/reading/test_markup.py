"""Markup is refused by name; texts with some of it are not."""

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
    ],
)
def test_some_markup_in_a_text_is_part_of_it(tmp_path: Path, text: str) -> None:
    assert rows(open_source(write(tmp_path, "t.txt", text)))


def test_lines_to_predict_may_be_markup(tmp_path: Path) -> None:
    file = write(tmp_path, "t.txt", "<b>fine</b>\n" * 5)
    assert len(rows(open_source(file, how=Reading(by_line=True)))) == 5
