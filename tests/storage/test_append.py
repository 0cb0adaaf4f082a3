"""Files that grow line by line: a torn last line is cut off, and a full disk is told of."""

from contextlib import closing
from pathlib import Path

import pytest

from luthier.errors import ResourceError
from luthier.storage.append import AppendFile, whole_lines
from tests.storage.conftest import Faults


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lines.jsonl"


def test_a_torn_tail_is_cut_off_wherever_it_was_torn(file: Path) -> None:
    lines = ['{"a": 1}\n', '{"ü": 2}\n', "\n", '{"c": "\u2028"}\n']
    whole = "".join(lines).encode()
    for end in range(len(whole) + 1):
        file.write_bytes(whole[:end])
        done, length = whole_lines(file)
        assert whole[:length].count(b"\n") == done == whole[:end].count(b"\n")
        with closing(AppendFile(file, length)) as appended:
            appended.append("".join(lines[done:]))
            assert appended.sync() == len(whole)
        assert file.read_bytes() == whole


def test_all_is_kept_unless_a_length_is_given(file: Path) -> None:
    file.write_text("one\n")
    with closing(AppendFile(file)) as appended:
        appended.append("two\n")
        assert file.read_text() == "one\n"
        appended.flush()
        assert file.read_text() == "one\ntwo\n"
    with closing(AppendFile(file, 4)) as appended:
        assert file.read_text() == "one\n"
        assert appended.sync() == 4
    with closing(AppendFile(file, 0)) as appended:
        assert appended.sync() == 0


def test_half_a_surrogate_pair_is_escaped(file: Path) -> None:
    with closing(AppendFile(file)) as appended:
        appended.append("\ud83d\n")
    assert file.read_bytes() == b"\\ud83d\n"


def test_a_fault_at_each_change(file: Path, faults: Faults) -> None:
    def work() -> None:
        with closing(AppendFile(file)) as appended:
            appended.append("one\n")
            appended.flush()
            appended.append("two\n")
            appended.sync()

    work()
    assert faults.changes == [
        "write lines.jsonl",
        f"fsync {file.parent.name}",
        "write lines.jsonl",
        "write lines.jsonl",
        "fsync lines.jsonl",
    ]
    for n in range(1, len(faults.changes) + 1):
        file.unlink(missing_ok=True)
        faults.changes, faults.at, faults.for_ever = [], n, True
        with pytest.raises(ResourceError, match="No space left") as error:
            work()
        assert error.value.where == str(file)
        assert "free some disk space" in error.value.hint


def test_the_null_device(faults: Faults) -> None:
    with closing(AppendFile(Path("/dev/null"), 0)) as appended:
        appended.append("one\n")
        appended.flush()


def test_closing_a_file_on_a_full_disk_is_silent() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has it")
    with closing(AppendFile(full)) as appended:
        appended.append("one\n")
        with pytest.raises(ResourceError, match="No space left"):
            appended.flush()
