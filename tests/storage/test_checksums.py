"""One changed bit is found, in whichever file it is."""

import hashlib
from pathlib import Path

import pytest

from luthier.errors import DamagedError
from luthier.storage.atomic import write_directory
from luthier.storage.checksums import MANIFEST, digest, verify

FILES = {"config.json": b'{"a": 1}', "weights.bin": bytes(range(32)), "deeper/merges.txt": b"a b\n"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    def fill(aside: Path) -> None:
        (aside / "deeper").mkdir()
        for name, data in FILES.items():
            (aside / name).write_bytes(data)

    write_directory(tmp_path / "model", fill)
    verify(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_each_flipped_bit_is_found(name: str, directory: Path) -> None:
    whole = (directory / name).read_bytes()
    for position in range(0, 8 * len(whole), 9):  # of each byte one bit, the next one each time
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        (directory / name).write_bytes(damaged)
        with pytest.raises(DamagedError) as error:
            verify(directory)
        assert error.value.where == str(directory / name) or name == MANIFEST
    (directory / name).write_bytes(whole)
    verify(directory)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_what_is_missing_or_cut_off_is_named(name: str, directory: Path) -> None:
    whole = (directory / name).read_bytes()
    (directory / name).write_bytes(whole[:-1])
    with pytest.raises(DamagedError) as error:
        verify(directory)
    assert error.value.where == str(directory / name)
    (directory / name).unlink()
    with pytest.raises(DamagedError, match="missing") as error:
        verify(directory)
    assert error.value.where == str(directory / name)


def test_a_file_too_many_is_named_unless_it_is_hidden(directory: Path) -> None:
    (directory / ".DS_Store").write_text("")
    (directory / ".cache").mkdir()
    (directory / ".cache" / "a").write_text("")
    verify(directory)
    (directory / "deeper" / "b").write_text("")
    with pytest.raises(DamagedError, match="not in the manifest") as error:
        verify(directory)
    assert error.value.where == str(directory / "deeper" / "b")


def test_the_digest_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
