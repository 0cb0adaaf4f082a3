"""A file format in another package is one file and one entry point; a broken one breaks nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from luthier.data.reading.discover import discover
from luthier.data.reading.formats.registry import registered
from luthier.data.reading.sources import Source, open_source
from luthier.data.records import Record, Skipped

INI = "[first]\ntext = a fine film\nlabel = pos\n\n[second]\ntext = a bad film\nlabel = neg\n"
CSV = "text,label\nfine,1\nbad,0\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path of Python for packages with entry points."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    registered.cache_clear()
    yield site
    registered.cache_clear()


def package(site: Path, name: str, *entries: str, module: str = "") -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[luthier.formats]\n" + "".join(f"{entry}\n" for entry in entries))
    if module:
        (site / f"{name}.py").write_text(module)


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def values(source: Source) -> list[list[str]]:
    return [list(row.values.values()) for row in source.records() if isinstance(row, Record)]


def test_a_format_of_another_package(install: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "data" / "films.ini", INI)
    assert open_source(file).format != "ini"  # without the package it is text
    registered.cache_clear()
    (install / "luthier_ini.py").symlink_to(Path(__file__).parent / "luthier_ini.py")
    package(install, "luthier_ini", "ini = luthier_ini:FORMAT")
    rows = [["first", "a fine film", "pos"], ["second", "a bad film", "neg"]]
    for source in (open_source(file), *discover([file.parent])["train"]):
        assert (source.format, source.columns, values(source)) == ("ini", ["section", "text", "label"], rows)
    assert open_source(write(tmp_path / "t.csv", CSV)).format == "csv"
    broken = open_source(write(tmp_path / "t.ini", INI + "[third]\ntext = no label\n"))
    assert [row.reason for row in broken.records() if isinstance(row, Skipped)] == ["field-count"]


def test_broken_formats_are_reported_by_name_and_break_nothing(install: Path, tmp_path: Path) -> None:
    package(install, "absent", "fixed-width = no_such_module:FORMAT")
    package(install, "wrong", "yaml = wrong:FORMAT", module="FORMAT = 'yaml'\n")
    package(install, "raises", "logs = raises:FORMAT", module="raise RuntimeError('no licence')\n")
    source = open_source(write(tmp_path / "t.csv", CSV))
    assert values(source) == [["fine", "1"], ["bad", "0"]]
    said = {one.what: one.why for one in source.decisions if one.value == "not available"}
    of = "the format '{}' of the package {} cannot be used: ".format
    assert said == {
        "format fixed-width": of("fixed-width", "absent") + "ModuleNotFoundError: No module named 'no_such_module'",
        "format logs": of("logs", "raises") + "RuntimeError: no licence",
        "format yaml": of("yaml", "wrong") + "TypeError: wrong:FORMAT is neither a BinaryFormat nor a TextFormat",
    }


def test_a_taken_name_is_refused(install: Path, tmp_path: Path) -> None:
    thief = (
        "from luthier.data.reading.reader import TextFormat\n"
        "def steal(text, how):\n    raise AssertionError('never asked')\n"
        "FORMAT = TextFormat(('mine', '{name}'), ('.csv',), steal)\n"
    )
    package(install, "thief_a", "a = thief_a:FORMAT", module=thief.format(name="csv"))
    package(install, "thief_b", "b = thief_b:FORMAT", module="from luthier_ini import FORMAT\n")
    (install / "luthier_ini.py").symlink_to(Path(__file__).parent / "luthier_ini.py")
    package(install, "luthier_ini", "ini = luthier_ini:FORMAT")
    found = open_source(write(tmp_path / "t.csv", CSV))
    assert found.format == "csv"
    assert {one.what: one.why for one in found.decisions if one.value == "not available"} == {
        "format a": "the format 'a' of the package thief_a is ignored: the package luthier has a format 'csv'",
        "format ini": "the format 'ini' of the package luthier_ini is ignored: the package thief_b has a format 'ini'",
    }
    assert open_source(write(tmp_path / "t.ini", INI)).format == "ini"


def test_no_two_formats_claim_an_extension_or_first_bytes() -> None:
    known = registered()
    assert known.broken == {}
    assert len(set(known.suffixes)) == len(known.suffixes)
    magic = [start for one in known.formats for start in getattr(one, "magic", ())]
    assert len(set(magic)) == len(magic)
    assert {
        "csv",
        "json",
        "jsonl",
        "fasttext",
        "text",
        "lines",
        "passages",
        "conll",
        "dialogs",
        "excel",
        "parquet",
        "arrow",
        "squad",
        "tmx",
    } == {name for one in known.formats for name in one.names}
