"""Excel workbooks."""

import sys
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.data.reading.sources import open_source
from luthier.data.records import Record
from luthier.errors import SourceError
from tests.data.reading.rows import outcome


def test_excel(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["fine", 1], [], ["bad", None], ["a", 1, "more"]):
        book.active.append(row)
    book.create_sheet("other")
    book.save(tmp_path / "t.xlsx")
    source = open_source(tmp_path / "t.xlsx")
    read = list(source.records())
    assert source.columns[:2] == ["text", "label"]
    assert [list(one.values.values())[:2] for one in read if isinstance(one, Record)][:2] == [
        ["fine", 1],
        ["bad", None],
    ]
    assert any(one.what == "sheet" for one in source.decisions)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["ok", "field-count", "repeated-header", ""]), max_size=8))
def test_every_row_is_read_or_skipped(tmp_path: Path, units: list[str]) -> None:
    cells = {"ok": ["fine", 1], "field-count": ["a", 2, *[None] * 5, "more"], "repeated-header": ["text", "label"]}
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["x", 1], *[["y", 0]] * 100, *(cells.get(unit, []) for unit in units)):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert outcome(open_source(tmp_path / "t.xlsx")) == ["ok"] * 101 + [unit for unit in units if unit]


def test_excel_without_openpyxl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openpyxl.Workbook().save(tmp_path / "t.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path / "t.xlsx")
    assert "pip install openpyxl" in caught.value.hint
