"""Arrays on disk: their values, private copies, and a full disk."""

import os
from pathlib import Path

import numpy as np
import pytest

from luthier.errors import ResourceError
from luthier.storage.spilled import SpilledArray


@pytest.mark.parametrize("values", [np.arange(6).reshape(2, 3), np.array([1.5, -2], np.float32), np.zeros((0, 4))])
def test_an_array_keeps_values_type_and_shape(values: np.ndarray) -> None:
    held = SpilledArray.of(values)
    for found in (held.values, held.private()):
        assert found.dtype == values.dtype and np.array_equal(found, values)


def test_what_is_written_to_a_private_array_is_seen_nowhere_else() -> None:
    held = SpilledArray((3,), np.int64)
    private = held.private()
    private[0] = 5
    assert (private.tolist(), held.values.tolist(), held.private().tolist()) == ([5, 0, 0], [0, 0, 0], [0, 0, 0])
    held.values[1] = 7
    assert held.private().tolist() == [0, 7, 0]


def test_a_private_array_outlives_the_other() -> None:
    private = SpilledArray.of(np.arange(3)).private()
    assert private.tolist() == [0, 1, 2]


def test_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = SpilledArray((10,), np.float32)
    assert list(tmp_path.iterdir()) == []
    assert held.values.sum() == 0


def test_a_full_disk_is_found_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def full(handle: int, offset: int, size: int) -> None:
        assert (offset, size) == (0, 8 * 4)
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(ResourceError, match="No space left on device") as caught:
        SpilledArray((8,), np.float32)
    assert caught.value.where == str(tmp_path)
    assert "TMPDIR" in caught.value.hint
