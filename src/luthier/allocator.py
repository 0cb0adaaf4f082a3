"""The C library's memory allocator. Where it is not glibc's, nothing is changed."""

import ctypes
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # see mallopt(3)
LARGE, LARGEST, MOST = 2**20, 2**25, 2**31 - 1  # glibc allows no M_MMAP_THRESHOLD above 32 MB
# Where glibc arrives by itself once large blocks were freed; setting anything ends that.
USUAL = {M_MMAP_THRESHOLD: LARGEST, M_TRIM_THRESHOLD: 2**26}


def give_back() -> None:
    """Return memory that is free, but held by the allocator, to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


@contextmanager
def kept() -> Iterator[None]:
    """While this is entered, memory that becomes free is kept for what is allocated next, in blocks of up to 32 MB.

    By default, a step of a training gets part of its memory anew from the system, which fills it with zeros. Larger
    blocks still are: in a heap, those of texts of many lengths leave gaps, which took 1.7 times the memory.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    _set(libc, {M_MMAP_THRESHOLD: LARGEST, M_TRIM_THRESHOLD: MOST})
    try:
        yield
    finally:
        _set(libc, USUAL)
        libc.malloc_trim(0)


def give_back_at_once() -> None:
    """From now on, return every large block as soon as it is free.

    By default, the allocator keeps blocks of up to 32 MB, and blocks of other sizes do not always fit into the gaps:
    with gradient checkpointing, MiniLM held twice the memory of its tensors. To get blocks anew takes some time.
    """
    if (libc := _glibc()) is not None:
        _set(libc, USUAL | {M_MMAP_THRESHOLD: LARGE})


def available() -> bool:
    """Whether the allocator is glibc's."""
    return _glibc() is not None


def _set(libc: ctypes.CDLL, options: Mapping[int, int]) -> None:
    for option, value in options.items():
        libc.mallopt(option, value)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
