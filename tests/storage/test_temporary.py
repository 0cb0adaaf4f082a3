"""Files in the system's place for temporary files."""

import io
import tempfile
from pathlib import Path

import pytest

from luthier.storage.temporary import seekable, temporary_file


def test_a_temporary_file_is_new_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one, two = temporary_file(".txt"), temporary_file()
    assert {one, two} == set(tmp_path.iterdir())
    assert one.name.startswith("luthier-") and one.suffix == ".txt"
    assert one.read_bytes() == b""


def test_a_stream_becomes_seekable_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with seekable(io.BytesIO(b"abc")) as copy:
        assert copy.read() == b"abc"
        copy.seek(1)
        assert copy.read() == b"bc"
    assert list(tmp_path.iterdir()) == []
