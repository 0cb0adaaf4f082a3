"""Checksums of files, and the manifest of a directory."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from luthier.errors import DamagedError

MANIFEST = "manifest.json"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest(directory: Path, files: Sequence[Path]) -> str:
    """The manifest of a directory: the checksum of each file, as JSON."""
    return json.dumps({str(path.relative_to(directory)): digest(path) for path in files}, indent=2)


def verify(directory: Path) -> None:
    """Check every file of a directory against its manifest. Hidden files, as file managers create, are ignored.

    Raises:
        DamagedError: A file (named in the error) is missing, changed, unreadable or not in the manifest.
    """
    manifest = directory / MANIFEST
    try:
        named = dict(json.loads(manifest.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise DamagedError("the manifest is missing or cannot be read", where=str(manifest)) from None
    for name, expected in named.items():
        path = directory / name
        if not path.is_file():
            raise DamagedError("a file listed in the manifest is missing", where=str(path))
        try:
            found = digest(path)
        except OSError as error:
            raise DamagedError(f"the file cannot be read: {error.strerror}", where=str(path)) from None
        if found != expected:
            raise DamagedError("the file does not match its checksum: it was changed or damaged", where=str(path))
    for path in sorted(directory.rglob("*")):
        inside = path.relative_to(directory)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and not hidden and path != manifest and str(inside) not in named:
            raise DamagedError("the file is not in the manifest", where=str(path))
