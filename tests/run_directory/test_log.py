"""The log of a run: what was said before it had a place, and what is said afterwards."""

from pathlib import Path

import pytest

from luthier.console import Console
from luthier.errors import ResourceError
from luthier.findings import Decision
from luthier.run_directory.log import Tee
from luthier.storage import disk


class Listener(Console):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, text: str) -> None:
        self.told.append(text)


def test_early_words_come_first_and_all_are_told(tmp_path: Path) -> None:
    listener = Listener()
    console = Tee(listener)
    console.say("early")
    console.decision(Decision("task", "chat", "the column 'messages'"))
    console.decision(Decision("fast path", "off", ""))
    console.write_to(tmp_path / "log.txt")
    console.warn("late \ud83d")
    console.say("last")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    said = [line.split(" ", 2)[2] for line in lines]
    decisions = ["INFO task: chat (the column 'messages')", "INFO fast path: off"]
    assert said == ["INFO early", *decisions, "WARNING late \\ud83d", "INFO last"]
    assert listener.told == ["early", "last"]


def test_a_resumed_run_goes_on_with_its_log(tmp_path: Path) -> None:
    for word in ("one", "two"):
        console = Tee(Console())
        console.write_to(tmp_path / "log.txt")
        console.say(word)
    assert [line.split()[-1] for line in (tmp_path / "log.txt").read_text().splitlines()] == ["one", "two"]


def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Tee(Console())
    console.write_to(tmp_path / "log.txt")

    def full(operation: str, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "before_change", full)
    with pytest.raises(ResourceError, match="No space left"):
        console.say("more")
