"""The allocator returns memory when it is told to."""

import subprocess
import sys

import pytest

from luthier import allocator

GLIBC = pytest.mark.skipif(not allocator.available(), reason="glibc's")

# 200 blocks of 1.5 MB after a larger one was freed stay in the heap below a last one, where they are kept when freed.
SCRIPT = """
import sys, psutil
from luthier import allocator

if "kept" in sys.argv:
    with allocator.kept():
        bytearray(2**26)
if "at once" in sys.argv:
    allocator.give_back_at_once()
held = lambda: psutil.Process().memory_info().rss
del (first := [bytearray(2**24)])[0]
before = held()
blocks = [bytearray(3 * 2**19) for _ in range(200)]
last = bytearray(3 * 2**19)
assert held() - before > 250e6
del blocks
print(held() - before)
"""


def kept(*how: str) -> float:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *how], capture_output=True, text=True, check=True)
    return float(done.stdout)


@GLIBC
def test_large_blocks_are_returned_at_once_if_asked_for() -> None:
    assert kept() > 250e6
    assert kept("at once") < 50e6
    assert kept("kept", "at once") < 50e6  # the last word counts


@GLIBC
def test_memory_is_kept_for_the_next_step_if_asked_for() -> None:
    faults = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)"
    work = "    for _ in range(20): [bytearray(2**24) for _ in range(8)]\n"
    done = [
        subprocess.run(
            [sys.executable, "-c", f"from luthier import allocator\n{begin}\n{work}{faults}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for begin in ("if True:", "with allocator.kept():")
    ]
    assert int(done[1]) < int(done[0]) / 4


@GLIBC
def test_the_largest_blocks_are_returned_even_where_memory_is_kept() -> None:
    script = """
import psutil
from luthier import allocator
held = lambda: psutil.Process().memory_info().rss
with allocator.kept():
    before = held()
    blocks = [bytearray(2**26) for _ in range(8)]
    last = bytearray(2**20)
    assert held() - before > 500e6
    del blocks
    print(held() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 50e6


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    allocator.give_back()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocator._glibc() is None
    assert not allocator.available()
    with allocator.kept():
        allocator.give_back_at_once()
    allocator.give_back()
    allocator.give_back_at_once()
