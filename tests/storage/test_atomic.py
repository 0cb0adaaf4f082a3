"""Whatever fails, a file or directory is the old one or the new one, never a part of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from luthier.errors import ResourceError
from luthier.storage import atomic
from luthier.storage.checksums import MANIFEST, verify
from tests.storage.conftest import Faults

OLD, NEW = {"weights": "old", "config": "old"}, {"weights": "new", "config": "new"}


def put_directory(target: Path) -> None:
    atomic.write_directory(target, lambda aside: (aside / "weights").write_text("new") and None, {"config": "new"})


def move_new(target: Path) -> None:
    source = target.with_name("source")
    source.write_text("new")
    atomic.move(source, target)


def replace_by_new(target: Path) -> None:
    source = target.with_name("part")
    source.write_text("new")
    atomic.replace(source, target)


# Name: what is done, what was there before, what is there afterwards, and how many changes it takes at least.
CASES: dict[str, tuple[Callable[[Path], None], object, object, int]] = {
    "text": (lambda path: atomic.write_text(path, "new"), None, "new", 4),
    "text, again": (lambda path: atomic.write_text(path, "new"), "old", "new", 4),
    "bytes": (lambda path: atomic.write_bytes(path, b"new"), "old", "new", 4),
    "json": (lambda path: atomic.write_json(path, ["new"]), "old", '[\n  "new"\n]\n', 4),
    "move": (move_new, "old", "new", 5),
    "replace": (replace_by_new, "old", "new", 2),
    "directory": (put_directory, None, NEW, 12),
    "directory, again": (put_directory, OLD, NEW, 13),
    "remove a directory": (atomic.remove_directory, OLD, None, 3),
}


def content(path: Path) -> object:
    if path.is_dir():
        verify(path)
        return {file.name: file.read_text() for file in path.iterdir() if file.name != MANIFEST}
    return path.read_text() if path.exists() else None


def prepared(folder: Path, before: object) -> Path:
    """The target as it is before the change, in a folder of its own."""
    folder.mkdir()
    target = folder / "target"
    if isinstance(before, dict):
        atomic.write_directory(target, lambda aside: None, before)
    elif before is not None:
        target.write_text(str(before))
    return target


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize("name", CASES)
def test_a_fault_at_each_change(name: str, for_ever: bool, tmp_path: Path, faults: Faults) -> None:
    act, before, after, least = CASES[name]
    target = prepared(tmp_path / "through", before)
    faults.changes.clear()
    act(target)
    assert content(target) == after
    through = list(faults.changes)
    assert len(through) >= least
    failed = 0
    for n in range(1, len(through) + 1):
        faults.at = 0
        target = prepared(tmp_path / str(n), before)
        faults.changes, faults.at, faults.for_ever = [], n, for_ever
        try:
            act(target)
        except ResourceError as error:
            failed += "No space left" in error.what and error.where == str(target)
        faults.at = 0
        assert for_ever or not list(target.parent.glob(".*.tmp")), faults.changes
        found = content(target)
        assert found in ([before, after, None] if for_ever else [before, after]), faults.changes
        atomic.sweep(target.parent)
        assert content(target) == found
        assert {path.name for path in target.parent.iterdir()} <= {"target", "source", "part"}
    # Only removing what is no longer needed may fail without a word.
    matters = [not change.startswith("remove") for change in through]
    assert failed == sum(any(matters[n:]) if for_ever else matters[n] for n in range(len(through)))


def test_what_fills_a_directory_may_fail_in_its_own_words(tmp_path: Path) -> None:
    def fill(error: Exception) -> Callable[[Path], None]:
        def failing(aside: Path) -> None:
            (aside / "weights").write_text("par")
            raise error

        return failing

    with pytest.raises(ResourceError, match="No space left"):
        atomic.write_directory(tmp_path / "a", fill(RuntimeError("[enforce fail] No space left on device\nmore")))
    torchs = "[enforce fail at inline_container.cc:672] . unexpected pos 2983296 vs 2983184"
    with pytest.raises(ResourceError, match="unexpected pos"):
        atomic.write_directory(tmp_path / "a", fill(RuntimeError(torchs)))
    with pytest.raises(RuntimeError, match="shape"):
        atomic.write_directory(tmp_path / "a", fill(RuntimeError("shape mismatch")))
    assert list(tmp_path.iterdir()) == []


def test_json_holds_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        atomic.write_json(tmp_path / "a.json", [float("nan")])
    atomic.write_json(tmp_path / "a.json", {"ü": 1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"ü": 1}


def test_sweep_removes_only_what_was_left_over(tmp_path: Path) -> None:
    for name in (".a.json.7.tmp", ".b.old", "c.tmp", ".lock"):
        (tmp_path / name).write_text("")
    for name in (".d.7.tmp", ".e.old", "f"):
        (tmp_path / name / "deeper").mkdir(parents=True)
    atomic.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"c.tmp", ".lock", "f"}


def test_the_files_of_a_directory_can_be_read_by_the_same_people(tmp_path: Path) -> None:
    def fill(aside: Path) -> None:
        (aside / "weights").write_bytes(b"x")
        (aside / "weights").chmod(0o600)  # as safetensors does

    atomic.write_directory(tmp_path / "model", fill, {"card": "text"})
    modes = {path.name: path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert len(modes) == 3
    assert len(set(modes.values())) == 1
