"""Excel workbooks."""

from pathlib import Path

import openpyxl

from luthier.data.reading.sources import open_source
from luthier.data.records import Record


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
