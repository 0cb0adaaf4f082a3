"""Faults at the changes of the disk."""

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from luthier.storage import disk


@dataclass
class Faults:
    """Notes each change, and lets some of them fail.

    Args:
        at: The first change that fails, counted from 1; 0 for none.
        for_ever: Whether all later ones fail, too.
    """

    at: int = 0
    for_ever: bool = False
    changes: list[str] = field(default_factory=list)

    def __call__(self, operation: str, path: Path) -> None:
        self.changes.append(f"{operation} {path.name}")
        if self.at and (len(self.changes) == self.at or (self.for_ever and len(self.changes) > self.at)):
            if operation == "write" and not path.exists():
                path.write_bytes(b"par")  # a part of what was to be written
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    found = Faults()
    monkeypatch.setattr(disk, "before_change", found)
    return found
