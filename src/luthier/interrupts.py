"""Ctrl-C and SIGTERM: acknowledged at once, obeyed at the next safe moment, and never lost.

The first signal raises `Interrupted` wherever the program is. While signals are `deferred`, as between the steps of a
training, it is only noted, and whoever asks `caught` or `agreed` decides. Libraries may swallow an exception, above all
while they are imported: `check`, called between rows and batches, raises it again. A second signal stops at once.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from luthier import processes

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """The first SIGINT or SIGTERM."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number


@dataclass
class _State:
    watching: bool = False
    deferred: int = 0
    caught: signal.Signals | None = None


_STATE = _State()


@contextmanager
def watched() -> Iterator[None]:
    """Catch the first signal in this block; no effect inside another such block, or outside the main thread."""
    if _STATE.watching or threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.signal(number, _note) for number in SIGNALS}
    shown, sys.unraisablehook = sys.unraisablehook, partial(_show, sys.unraisablehook)
    _STATE.watching, _STATE.caught = True, None
    try:
        yield
    finally:
        sys.unraisablehook = shown
        for number, handler in before.items():
            signal.signal(number, handler)
        _STATE.watching, _STATE.caught = False, None


@contextmanager
def deferred() -> Iterator[None]:
    """Only note the first signal in this block; `check` still raises it."""
    _STATE.deferred += 1
    try:
        yield
    finally:
        _STATE.deferred -= 1


def release() -> None:
    """Give the signals back to Python, for a command that handles Ctrl-C itself."""
    if _STATE.watching:
        _default()


def check() -> None:
    """Raise the signal that was caught, if any.

    Raises:
        Interrupted: A signal was caught.
    """
    if _STATE.caught is not None:
        raise Interrupted(_STATE.caught)


def caught() -> signal.Signals | None:
    """The signal that this process has caught."""
    return _STATE.caught


def agreed() -> signal.Signals | None:
    """The signal that any process of a training has caught so far; the same in every process."""
    number = processes.largest(_STATE.caught or 0)
    return signal.Signals(number) if number else None


def _note(number: int, frame: FrameType | None) -> None:
    first, _STATE.caught = _STATE.caught is None, signal.Signals(number)
    if processes.count() == 1:  # a launcher repeats every signal, and kills processes that ignore it
        _default()
    if first and processes.is_main():
        # Not `sys.stderr`: it fails if the signal has interrupted a write to it.
        with suppress(OSError):
            os.write(2, f"\n{_STATE.caught.name}: stopping; a second signal stops at once\n".encode())
    if not _STATE.deferred:
        raise Interrupted(_STATE.caught)


def _show(show: Callable[[Any], Any], unraisable: Any) -> None:
    """Show what was raised where nothing can be, as in a finalizer, but no signal, which `check` raises again."""
    if not isinstance(unraisable.exc_value, Interrupted):
        show(unraisable)


def _default() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _in_worker() -> None:
    """In a worker process, which its parent stops with SIGTERM: Ctrl-C reaches both, and the parent decides."""
    if _STATE.watching:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _STATE.watching, _STATE.caught = False, None


os.register_at_fork(after_in_child=_in_worker)
