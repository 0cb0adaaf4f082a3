"""The changes of the disk, one by one."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from luthier.errors import ResourceError
from luthier.storage import disk
from tests.storage.conftest import Faults

DOCUMENTED = str(disk.before_change.__doc__)
CHANGES: dict[str, Callable[[Path], None]] = {
    "write": lambda path: disk.write(path / "new", b"new"),
    "copy": lambda path: disk.copy(io.BytesIO(b"new"), path / "new"),
    "join": lambda path: disk.join([path / "old", path / "old"], path / "new"),
    "sync": disk.sync,
    "rename": lambda path: disk.rename(path / "old", path / "new"),
    "remove": lambda path: disk.remove(path / "old"),
    "make_directory": lambda path: disk.make_directory(path / "a" / "b"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_announced_before_it_is_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_text("old")

    def refuse(operation: str, path: Path) -> None:
        assert f"`{operation}`" in DOCUMENTED
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(disk, "before_change", refuse)
        with pytest.raises(OSError, match="No space left"):
            CHANGES[name](tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]
    CHANGES[name](tmp_path)


def test_the_rest_of_a_stream_is_copied(tmp_path: Path) -> None:
    stream = io.BytesIO(b"head, rest")
    stream.read(6)
    disk.copy(stream, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"rest"


def test_parts_are_joined_and_a_single_one_is_linked(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    disk.join([tmp_path / "a", tmp_path / "b"], tmp_path / "both")
    disk.join([tmp_path / "a"], tmp_path / "one")
    assert (tmp_path / "both").read_text() == "ab"
    assert (tmp_path / "one").is_symlink() and (tmp_path / "one").read_text() == "a"
    disk.remove(tmp_path / "one")
    assert (tmp_path / "a").exists()


def test_what_is_not_there_is_removed_without_a_word(tmp_path: Path, faults: Faults) -> None:
    disk.remove(tmp_path / "a")
    disk.remove_tree(tmp_path / "b")
    faults.for_ever, faults.at = True, 1
    disk.remove_tree(tmp_path / "b")
    assert faults.changes == ["remove a", "remove b", "remove b"]


def test_a_failed_change_says_where_and_how_much_space_is_left(tmp_path: Path) -> None:
    with pytest.raises(ResourceError) as error, disk.writing(tmp_path / "a"):
        raise OSError(28, os.strerror(28))
    assert error.value.what == "cannot write: No space left on device"
    assert error.value.where == str(tmp_path / "a")
    assert "B available there; free some disk space or check the permissions" in error.value.hint
    with pytest.raises(ResourceError) as error, disk.writing(tmp_path / "a"):
        raise OSError(13, os.strerror(13))
    assert error.value.hint == "check the permissions, or choose another place", "space would not help"
    with pytest.raises(ResourceError) as error, disk.writing(tmp_path / "gone" / "a"):
        raise OSError("odd")
    assert error.value.what == "cannot write: odd"
    assert "create the directory" in error.value.hint
