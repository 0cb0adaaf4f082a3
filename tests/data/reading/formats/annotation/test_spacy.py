"""Python files of spaCy's training examples."""

from pathlib import Path

import pytest

from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from tests.data.reading.rows import write

TUPLES = 'TRAIN_DATA = [\n  ("Ada sang.", {"entities": [(0, 3, "PER")]}),\n  ("It rained.", {"entities": []}),\n]\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.py", TUPLES),
        ("t.txt", "import spacy\n\n# all of them\n" + TUPLES + "nlp = spacy.blank('en')\n"),
        ("t.txt", TUPLES.replace("TRAIN_DATA = ", "").replace('"', "'")),
    ],
)
def test_tuples(tmp_path: Path, name: str, text: str) -> None:
    source = open_source(write(tmp_path, name, text))
    read = [one.values for one in source.records()]
    assert read == [{"text": "Ada sang.", "entities": [(0, 3, "PER")]}, {"text": "It rained.", "entities": []}]
    assert any("spaCy" in one.value for one in source.decisions)


def test_examples_that_are_computed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="spaCy") as raised:
        open_source(write(tmp_path, "t.py", TUPLES.replace('"Ada sang."', '("Ada" + name)')[:-2] + "]\n" + "if x"))
    assert "json.dump" in raised.value.hint


@pytest.mark.parametrize(
    "text", ["[(1) first] and 'entities': none\n" * 9, "Ada wrote ('entities': 3).\n" * 9, '[["a", "b"], ["c", "d"]]']
)
def test_other_texts_are_no_examples(tmp_path: Path, text: str) -> None:
    assert "spaCy" not in str(open_source(write(tmp_path, "t.txt", text)).decisions)
