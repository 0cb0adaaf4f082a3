"""Files that are whole or not there: written aside, synced, renamed, and checked by digest before they are believed."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from luthier.errors import DamagedError, ResourceError

MANIFEST = "manifest.json"


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: aside, synced, renamed.

    Raises:
        ResourceError: The disk is full or the place cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """As `write_text`, for bytes."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise cannot_write(path, error) from None


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; nan and infinity are refused, so that every reader can read it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sync_directory(path: Path) -> None:
    """Make renames and new names in a directory survive a power loss."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cannot_write(path: Path, error: OSError) -> ResourceError:
    """The error of a write that failed, saying how much room is left."""
    try:
        status = os.statvfs(path.parent)
        room = f"{status.f_bavail * status.f_frsize / 1e6:.0f} MB free there"
    except OSError:
        room = "the directory is gone"
    return ResourceError(
        f"cannot write: {error.strerror or error}", where=str(path), hint=f"{room}; make room, then resume the run"
    )


def write_directory(target: Path, fill: Callable[[Path], None]) -> None:
    """Make a directory whole or not at all: filled aside, digested, synced, renamed.

    Args:
        target: The directory; an older one of that name is replaced.
        fill: Called with the empty directory to fill.
    Raises:
        ResourceError: It cannot be written; what was there before is as it was.
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    before = _doomed(target)
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        fill(aside)
        files = sorted(path for path in aside.rglob("*") if path.is_file())
        digests = {str(path.relative_to(aside)): digest(path) for path in files}
        (aside / MANIFEST).write_text(json.dumps(digests, indent=2), encoding="utf-8")
        for path in [*files, aside / MANIFEST]:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        for path in [*(path for path in aside.rglob("*") if path.is_dir()), aside]:
            sync_directory(path)
        shutil.rmtree(before, ignore_errors=True)
        if target.exists():
            target.rename(before)
        aside.rename(target)
        sync_directory(target.parent)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise cannot_write(target, error) from None
    except Exception as error:
        shutil.rmtree(aside, ignore_errors=True)
        # torch and safetensors write from native code and report a full disk in types of their own.
        if re.search(r"No space left|PytorchStreamWriter|[Ii]/?[Oo] ?[Ee]rror", str(error)):
            raise cannot_write(target, OSError(str(error).splitlines()[0])) from None
        raise


def remove_directory(path: Path) -> None:
    """Delete a directory so that a half-deleted one never carries its name.

    Raises:
        ResourceError: It cannot be renamed; it is as it was.
    """
    doomed = _doomed(path)
    shutil.rmtree(doomed, ignore_errors=True)
    try:
        path.rename(doomed)
    except OSError as error:
        raise cannot_write(path, error) from None
    shutil.rmtree(doomed, ignore_errors=True)


def sweep(directory: Path) -> None:
    """Delete what killed processes left half-written or half-deleted."""
    for left in [*directory.glob(".*.tmp"), *directory.glob(".*.old")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def verify(directory: Path) -> None:
    """Check every file of a directory against its manifest. Hidden files are passed over: file managers leave such.

    Raises:
        DamagedError: A file is missing, changed, unreadable or not named by the manifest; it is named.
    """
    manifest = directory / MANIFEST
    try:
        named = dict(json.loads(manifest.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise DamagedError("the manifest is missing or cannot be read", where=str(manifest)) from None
    for name, expected in named.items():
        path = directory / name
        if not path.is_file():
            raise DamagedError("a file of the manifest is missing", where=str(path))
        try:
            found = digest(path)
        except OSError as error:
            raise DamagedError(f"the file cannot be read: {error.strerror}", where=str(path)) from None
        if found != expected:
            raise DamagedError("the file is not what its manifest says: it was changed or damaged", where=str(path))
    for path in sorted(directory.rglob("*")):
        inside = path.relative_to(directory)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and not hidden and path != manifest and str(inside) not in named:
            raise DamagedError("the file is not in the manifest: it does not belong here", where=str(path))


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _doomed(path: Path) -> Path:
    """What a directory is called while it is deleted."""
    return path.with_name(f".{path.name}.old")
