"""The time since a command began: from its first moment on the command line, while libraries are still imported."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_BEGAN: ContextVar[float | None] = ContextVar("began", default=None)


@contextmanager
def running(*, anew: bool = False) -> Iterator[None]:
    """Start the clock; no effect inside another such block, unless it is to begin anew for this one."""
    if _BEGAN.get() is not None and not anew:
        yield
        return
    token = _BEGAN.set(time.monotonic())
    try:
        yield
    finally:
        _BEGAN.reset(token)


def elapsed() -> float:
    """Seconds since the outermost `running` block began, or the one that began anew; 0 outside of any."""
    began = _BEGAN.get()
    return 0.0 if began is None else time.monotonic() - began
