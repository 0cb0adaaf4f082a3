"""The time of a command counts from the outermost block."""

import pytest

from luthier.run_directory import clock


def test_the_time_counts_from_the_outermost_block(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    assert clock.elapsed() == 0
    with clock.running():
        now[0] = 103.0
        with clock.running():
            now[0] = 105.0
            assert clock.elapsed() == 5
        assert clock.elapsed() == 5
    assert clock.elapsed() == 0
    with clock.running():
        assert clock.elapsed() == 0, "each command has its own time"


def test_a_block_can_have_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    with clock.running():
        now[0] = 103.0
        with clock.running(anew=True):
            now[0] = 104.0
            assert clock.elapsed() == 1
        assert clock.elapsed() == 4
