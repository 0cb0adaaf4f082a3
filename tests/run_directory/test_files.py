"""JSON objects and sizes of directories."""

from pathlib import Path

import pytest

from luthier.errors import DamagedError
from luthier.run_directory.files import directory_size, read_object


def test_an_object_is_read_and_anything_else_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    assert read_object(file) is None
    file.write_text('{"a": 1}')
    assert read_object(file) == {"a": 1}
    for wrong in ("[1]", '{"a"', ""):
        file.write_text(wrong)
        with pytest.raises(DamagedError, match="the file is damaged") as caught:
            read_object(file)
        assert caught.value.where == str(file)


def test_the_size_of_a_directory_is_that_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "below" / "b").write_bytes(b"4567")
    assert directory_size(tmp_path) == 7
    assert directory_size(tmp_path / "missing") == 0
