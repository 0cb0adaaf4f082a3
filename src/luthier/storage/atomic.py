"""Atomic writes of files and directories: written under a temporary name, synced, then renamed."""

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from luthier.storage.checksums import MANIFEST, manifest
from luthier.storage.disk import cannot_write, copy, make_directory, remove, remove_tree, rename, sync, write, writing


def write_text(path: Path, text: str) -> None:
    """Write a file atomically.

    Raises:
        ResourceError: The disk is full or the file cannot be written (also in the functions below).
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Like `write_text`, for bytes."""
    _write(path, lambda aside: write(aside, data))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; nan and infinity raise an error, since not every JSON parser accepts them."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def move(source: Path, target: Path) -> None:
    """Move a file atomically, also to another file system. A source that cannot be removed is left in place."""
    with source.open("rb") as stream:
        _write(target, lambda aside: copy(stream, aside))
    with suppress(OSError):
        remove(source)


def replace(source: Path, target: Path) -> None:
    """Rename a complete, synced file to its final name."""
    with writing(target):
        rename(source, target)
        sync(target.parent)


def write_directory(target: Path, fill: Callable[[Path], None], texts: Mapping[str, str] | None = None) -> None:
    """Write a directory atomically, with a manifest of its checksums.

    Args:
        target: The directory; an existing one is replaced.
        fill: Called with the empty directory to fill.
        texts: Small files to add, name to content.
    Raises:
        ResourceError: The directory cannot be written; an existing one is unchanged.
    """
    aside = _aside(target)
    try:
        remove_tree(aside)
        make_directory(aside)
        fill(aside)
        for name, text in (texts or {}).items():
            write(aside / name, text.encode("utf-8"))
        files = sorted(path for path in aside.rglob("*") if path.is_file())
        write(aside / MANIFEST, manifest(aside, files).encode("utf-8"))
        for path in files:
            path.chmod((aside / MANIFEST).stat().st_mode)  # safetensors lets only the owner read its files
        for path in [*files, aside / MANIFEST, *(path for path in aside.rglob("*") if path.is_dir()), aside]:
            sync(path)
        _put(aside, target)
    except OSError as error:
        remove_tree(aside)
        raise cannot_write(target, error.strerror or str(error)) from None
    except Exception as error:
        remove_tree(aside)
        # torch and safetensors write from native code and report a full disk with their own exception types.
        if re.search(r"No space left|PytorchStreamWriter|inline_container|[Ii]/?[Oo] ?[Ee]rror", str(error)):
            raise cannot_write(target, str(error).splitlines()[0]) from None
        raise


def remove_directory(path: Path) -> None:
    """Remove a directory atomically: it is renamed first, so a partly removed one never has its name."""
    doomed = _doomed(path)
    remove_tree(doomed)
    with writing(path):
        rename(path, doomed)
    remove_tree(doomed)


def sweep(directory: Path) -> None:
    """Remove files and directories that killed processes left partly written or partly removed."""
    for left in [*directory.glob(".*.tmp"), *directory.glob(".*.old")]:
        if left.is_dir():
            remove_tree(left)
        else:
            with suppress(OSError):
                remove(left)


def _put(aside: Path, target: Path) -> None:
    """Rename a directory to its final name, replacing an existing one."""
    before = _doomed(target)
    remove_tree(before)
    if target.exists():
        rename(target, before)
    try:
        rename(aside, target)
    except OSError:
        if before.exists():
            rename(before, target)
        raise
    sync(target.parent)
    remove_tree(before)


def _write(path: Path, fill: Callable[[Path], None]) -> None:
    aside = _aside(path)
    try:
        with writing(path):
            fill(aside)
            sync(aside)
        replace(aside, path)
    except BaseException:
        with suppress(OSError):
            remove(aside)
        raise


def _aside(path: Path) -> Path:
    """Name of a file or directory while it is written."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _doomed(path: Path) -> Path:
    """Name of a directory while it is removed."""
    return path.with_name(f".{path.name}.old")
