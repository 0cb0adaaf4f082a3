"""One process holds a directory, the others see which one."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from luthier.errors import ResourceError, RunError
from luthier.storage.lock import is_locked, lock_of, locked
from tests.storage.conftest import Faults

HOLD = """
import sys
from pathlib import Path
from luthier.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_told_of_the_first_and_comes_after_it(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(RunError, match=f"process {os.getpid()} on ") as error, locked(tmp_path):
            pass
        assert error.value.where == str(tmp_path)
        assert (tmp_path / ".owner").exists(), "the second one leaves the name of the first"
    assert not is_locked(tmp_path)
    assert not (tmp_path / ".owner").exists()
    with locked(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_void(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert is_locked(tmp_path)
    with pytest.raises(RunError, match=f"process {process.pid} on "), locked(tmp_path):
        pass
    process.kill()
    process.communicate()
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert f"process {os.getpid()} on " in (tmp_path / ".owner").read_text()


def test_without_the_owner_s_name_there_still_is_one(tmp_path: Path) -> None:
    with lock_of(tmp_path), pytest.raises(RunError, match="another process"), locked(tmp_path):
        pass


def test_a_full_disk_leaves_no_lock(tmp_path: Path, faults: Faults) -> None:
    faults.at = 1
    with pytest.raises(ResourceError, match="No space left"), locked(tmp_path):
        pass
    assert not is_locked(tmp_path)
    assert not (tmp_path / ".owner").exists()


def test_a_directory_that_is_gone_cannot_be_locked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be locked"), locked(tmp_path / "file"):
        pass


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with lock_of(tmp_path):
            order.append("second")

    with lock_of(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
