"""CoNLL columns."""

from pathlib import Path

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
