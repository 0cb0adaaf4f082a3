"""Trackers are found by their entry points, those of other packages too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from luthier.errors import LuthierError, UsageError
from luthier.tracking import base, registry
from luthier.tracking.base import Tracker
from luthier.tracking.csv import CsvTracker
from luthier.tracking.registry import make_trackers, registered

OURS = {"csv", "mlflow", "tensorboard", "trackio", "wandb"}

SHELF = """
class Shelf:
    def begin(self, run): return {}
    def points(self, points): pass
    def artefacts(self, paths): pass
    def end(self, state): pass

class Fails(Shelf):
    def __init__(self): raise OSError("no socket")

class Half:
    def begin(self, run): return {}
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of a stranger, as an installer leaves it."""
    (tmp_path / "luthier_shelf.py").write_text(SHELF)
    info = tmp_path / "luthier_shelf-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: luthier-shelf\nVersion: 1.0\n")
    names = {"shelf": "Shelf", "fails": "Fails", "half": "Half", "csv": "Shelf", "gone": "Gone"}
    lines = [f"{name} = luthier_shelf:{kind}" for name, kind in names.items()]
    (info / "entry_points.txt").write_text("\n".join(["[luthier.trackers]", *lines]))
    monkeypatch.syspath_prepend(tmp_path)
    registered.cache_clear()
    yield
    registered.cache_clear()


def test_ours_are_five() -> None:
    kinds, broken = registered()
    assert set(kinds) == OURS and broken == {}


def test_a_tracker_of_another_package_is_one_of_them(installed: None) -> None:
    made = make_trackers(["shelf", "csv", "shelf"])
    assert list(made) == ["shelf", "csv"]
    assert all(isinstance(tracker, Tracker) for tracker in made.values())
    assert isinstance(made["csv"], CsvTracker), "ours keeps its name"
    assert "luthier-shelf" in registered()[1]["csv"]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("wand", "no tracker 'wand'", "did you mean 'wandb'?"),
        ("all", "no tracker 'all'", "choose one of csv, "),
        ("csv, wandb", "no tracker 'csv, wandb'", "repeat the option: --track csv --track wandb"),
        ("half", "not a class with the methods of", "fix the package"),
        ("gone", "the package luthier-shelf cannot be used: AttributeError", "fix the package"),
        ("fails", "'fails' cannot start: OSError: no socket", "fix its package"),
    ],
)
def test_what_cannot_be_made_is_refused(installed: None, name: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        make_trackers(["csv", name])
    assert message in error.value.what and error.value.hint.startswith(hint)
    assert error.value.where == f"tracking.trackers {name}"


@pytest.mark.parametrize("name", sorted(OURS - {"csv"}))
def test_the_extra_of_one_that_is_not_installed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "find_spec", lambda module: None)
    with pytest.raises(LuthierError) as error:
        make_trackers([name], "--to")
    assert error.value.where == f"--to {name}" and error.value.hint == "pip install 'luthier[track]'"
    assert registry.GROUP == "luthier.trackers"
