"""Rows of a source, for the tests of readers."""

from pathlib import Path

from hypothesis import strategies as st

from luthier.data.reading.sources import Source
from luthier.data.records import Record, Skipped


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(source: Source) -> list[list[object]]:
    """The values of a source without rejections, its numbers checked."""
    read = list(source.records())
    assert all(isinstance(record, Record) for record in read), read
    assert [record.row for record in read] == list(range(1, len(read) + 1))
    return [list(record.values.values()) for record in read if isinstance(record, Record)]


def outcome(source: Source) -> list[str]:
    """For each row `ok` or the reason it was skipped for."""
    read = list(source.records())
    assert [record.row for record in read] == list(range(1, len(read) + 1))
    return [record.reason if isinstance(record, Skipped) else "ok" for record in read]


def tables(cells: st.SearchStrategy[str], width: int = 3) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
