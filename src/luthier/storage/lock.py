"""Locks of run directories and model directories: one process writes, and others are told which one."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from luthier.errors import RunError
from luthier.storage.disk import remove, write, writing

LOCK, OWNER = ".lock", ".owner"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a run directory. The operating system releases the lock of a dead process.

    Raises:
        RunError: Another process holds it; the message says which.
        ResourceError: The disk is full.
    """
    lock, owner = lock_of(directory), directory / OWNER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = (owner.read_text(encoding="utf-8") if owner.exists() else "") or "another process"
        hint = "wait until it ends, or stop it"
        raise RunError(f"another process is writing to the run: {who}", where=str(directory), hint=hint) from None
    except OSError as error:
        raise RunError(f"the run cannot be locked: {error.strerror}", where=str(directory)) from None
    try:
        with writing(owner):
            write(owner, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        remove(owner)
        lock.release()


def is_locked(directory: Path) -> bool:
    """Whether a process holds the lock of a directory."""
    try:
        with lock_of(directory).acquire(timeout=0):
            return False
    except (Timeout, OSError):
        return True


def lock_of(directory: Path) -> BaseFileLock:
    """The lock of a directory; entering it waits until no other process holds it."""
    return FileLock(directory / LOCK)
