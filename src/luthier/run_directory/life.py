"""Whether a run is still being trained, as far as its directory tells. No lock is taken: a poll disturbs no run."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from luthier.run_directory.run import Run
from luthier.storage.lock import OWNER

State = Literal["preparing", "running", "done", "stopped", "failed", "died"]
TAIL = 4096  # bytes at the end of a log
_OWNER = re.compile(r"process (\d+) on (.+)")
_ENDED = re.compile(r"^\S+ \S+ ERROR (failed|stopped): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Life:
    """The state of a run.

    Args:
        state: `preparing` (no recipe yet), `running`, `done`, `stopped` (interrupted, or never begun), `failed`, or
            `died`: its process ended without a word.
        why: Why it ended, as its log says; empty if it did not, or the log says nothing.
        host: The host of its process, if that is another one, where nothing can be checked; else empty.
    """

    state: State
    why: str = ""
    host: str = ""

    @property
    def ended(self) -> bool:
        return self.state not in ("preparing", "running")


def life_of(run: Run) -> Life:
    """The state of a run, from its result, the owner of its lock, and its log."""
    if run.result_file.exists():
        return Life("done")
    alive: State = "running" if run.recipe_file.exists() else "preparing"
    owner = _read(run.path / OWNER)
    if owner is None:
        # The result is written before the lock is released.
        return Life("done") if run.result_file.exists() else _ended(run)
    if (found := _OWNER.fullmatch(owner.strip())) is None:
        return Life(alive)  # it is just being written
    process, host = int(found[1]), found[2]
    if host != socket.gethostname():
        return Life(alive, host=host)
    return Life(alive) if _lives(process, run.path / OWNER) else Life("died", f"process {process} is gone")


def _lives(process: int, owner: Path) -> bool:
    """Whether a process runs, and is the one that wrote the file: numbers of processes are used again."""
    try:
        return psutil.Process(process).create_time() <= owner.stat().st_mtime + 1
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.AccessDenied:
        return True


def _ended(run: Run) -> Life:
    found = _ENDED.findall(_read(run.log_file, TAIL) or "")
    if not found:
        return Life("stopped")
    how, why = found[-1]
    return Life("failed" if how == "failed" else "stopped", why)


def _read(path: Path, last: int = 0) -> str | None:
    """A file, or its last bytes; None if it does not exist."""
    try:
        return path.read_bytes()[-last:].decode("utf-8", "replace")
    except FileNotFoundError:
        return None
