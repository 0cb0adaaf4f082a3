"""Translation memories: each unit is a row, each language a column."""

import gzip
from pathlib import Path

import pytest

from luthier.data.reading.discover import discover
from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.errors import SourceError

HEADER = '<header srclang="{}" datatype="plaintext" segtype="sentence"/>'


def unit(*texts: tuple[str, str], attribute: str = "xml:lang") -> str:
    variants = "".join(
        f'<tuv {attribute}="{code}"><prop type="x">p</prop><seg>{text}</seg></tuv>' for code, text in texts
    )
    return f"<tu><note>n</note>{variants}</tu>\n"


def memory(
    *units: str, source: str = "en", start: str = '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">'
) -> str:
    return f'{start}\n<tmx version="1.4">{HEADER.format(source)}<body>\n{"".join(units)}</body></tmx>\n'


def read(path: Path) -> list[dict[str, str | None]]:
    return [row.values for row in open_source(path).records() if isinstance(row, Record)]


def test_units_and_languages(tmp_path: Path) -> None:
    path = tmp_path / "m.tmx"
    units = [unit(("en-US", "Go."), ("fr-FR", "Va &amp; <b/>viens.")), unit(("EN-us", " Stop. "), ("de", "Halt."))]
    path.write_text(memory(*units), encoding="utf-8")
    source = open_source(path)
    assert (source.format, source.columns) == ("tmx", ["en", "fr", "de"])
    assert [one.value for one in source.decisions] == ["TMX", "en-US -> en, EN-us -> en, fr-FR -> fr"]
    assert read(path) == [
        {"en": "Go.", "fr": "Va & viens.", "de": None},
        {"en": "Stop.", "fr": None, "de": "Halt."},
    ]


def test_the_source_language_comes_first_and_varieties_keep_their_codes(tmp_path: Path) -> None:
    path = tmp_path / "m.tmx"
    path.write_text(memory(unit(("pt-BR", "a"), ("pt-PT", "b"), ("de-CH", "c")), source="DE"), encoding="utf-8")
    assert open_source(path).columns == ["de", "pt-BR", "pt-PT"]


def test_codes_of_the_original_format_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.tmx"
    text = 'Press <bpt i="1">&lt;b></bpt><hi>Enter</hi><ept i="1">&lt;/b></ept> <ph>{0}<sub>x</sub></ph>now<ph/>or'
    path.write_text(memory(unit(("en", text), ("fr", "y"))), encoding="utf-8")
    assert read(path)[0]["en"] == "Press Enter now or"


@pytest.mark.parametrize(
    ("name", "encoding", "start"),
    [
        ("m.xml", "utf-16", '<?xml version="1.0" encoding="utf-16"?>'),
        ("m.tmx", "utf-8-sig", '<?xml version="1.0"?>'),
        ("m.tmx", "iso-8859-1", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
        ("m.tmx.gz", "utf-8", "<!DOCTYPE tmx>"),
        ("m", "utf-8", ""),
    ],
)
def test_encodings_and_names(tmp_path: Path, name: str, encoding: str, start: str) -> None:
    content = memory(unit(("en", "Go."), ("fr", "Né."), attribute="lang"), start=start).lstrip().encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read(tmp_path / name) == [{"en": "Go.", "fr": "Né."}]


def test_a_folder_of_splits(tmp_path: Path) -> None:
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tmx").write_text(memory(unit(("en", name), ("fr", "x"))), encoding="utf-8")
    splits = discover([tmp_path])
    assert {split: len(sources) for split, sources in splits.items()} == {"train": 1, "validation": 1, "test": 0}


def test_many_units_are_sampled(tmp_path: Path) -> None:
    path = tmp_path / "m.tmx"
    path.write_text(memory(*(unit(("en", f"{n} go"), ("fr", "va")) for n in range(1_000))), encoding="utf-8")
    assert len(read(path)) == 1_000
    part = open_source(path).part(10_000)
    assert part is not None
    assert 0 < len(list(part[0].records())) < 500


def test_damage_and_other_xml(tmp_path: Path) -> None:
    path = tmp_path / "m.tmx"
    path.write_text(memory(*[unit(("en", "a"), ("fr", "b"))] * 2)[:-30], encoding="utf-8")
    with pytest.raises(SourceError, match="the TMX file is damaged"):
        list(open_source(path).records())
    path.write_text(memory(), encoding="utf-8")
    with pytest.raises(SourceError, match="no translation units"):
        open_source(path)
    path.write_text('<?xml version="1.0"?>\n<reviews>\n<review>fine</review>\n</reviews>\n', encoding="utf-8")
    with pytest.raises(SourceError, match="looks like XML"):
        open_source(path)
