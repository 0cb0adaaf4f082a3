"""The C library's memory allocator. Where it is not glibc's, nothing is changed."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # see mallopt(3)
LARGE, MOST, BLOCKS = 2**20, 2**31 - 1, 2**16


def give_back() -> None:
    """Return memory that is free, but held by the allocator, to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def keep() -> bool:
    """From now on, keep memory that is free for what is allocated next; whether the allocator can.

    By default, each step of a training gets its largest tensors anew from the system, which fills them with zeros.
    """
    libc = _glibc()
    return libc is not None and bool(libc.mallopt(M_MMAP_MAX, 0) and libc.mallopt(M_TRIM_THRESHOLD, MOST))


def give_back_at_once() -> None:
    """From now on, return every large block as soon as it is free.

    By default, the allocator keeps blocks of up to 32 MB, and blocks of other sizes do not always fit into the gaps:
    with gradient checkpointing, MiniLM held twice the memory of its tensors. To get blocks anew takes some time.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(M_MMAP_MAX, BLOCKS)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
