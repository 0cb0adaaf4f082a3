"""The C library's memory allocator. Where it is not glibc's, nothing is changed."""

import ctypes
import sys

M_MMAP_THRESHOLD = -3  # see mallopt(3)
LARGE = 2**20


def give_back() -> None:
    """Return memory that is free, but held by the allocator, to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def give_back_at_once() -> None:
    """From now on, return every large block as soon as it is free.

    By default, the allocator keeps blocks of up to 32 MB, and blocks of other sizes do not always fit into the gaps:
    with gradient checkpointing, MiniLM held twice the memory of its tensors. To get blocks anew takes some time.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
