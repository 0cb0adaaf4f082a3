"""Plug-ins are taken one by one, ours first; one that fails is named and breaks nothing."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.plugins import Ignored, package_of, take_plugins


def entry(name: str, package: str) -> Any:
    return SimpleNamespace(name=name, dist=SimpleNamespace(name=package), module="a.b")


def test_plugins_are_taken_and_failures_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [entry("b", "other"), entry("exits", "other"), entry("taken", "third"), entry("z", "luthier")]
    monkeypatch.setattr("luthier.plugins.entry_points", lambda group: entries if group == "luthier.things" else [])
    taken: list[tuple[str, str]] = []

    def take(found: EntryPoint, package: str) -> None:
        if found.name == "exits":
            raise SystemExit("no licence")
        if found.name == "taken":
            raise Ignored("the name is taken")
        taken.append((found.name, package))

    assert take_plugins("luthier.things", "thing", take) == {
        "exits": "the thing 'exits' of the package other cannot be used: SystemExit: no licence",
        "taken": "the thing 'taken' of the package third is ignored: the name is taken",
    }
    assert taken == [("z", "luthier"), ("b", "other")], "Luthier's own come first"
    assert take_plugins("luthier.others", "thing", take) == {}


def test_without_a_package_a_plugin_is_of_its_module() -> None:
    assert package_of(entry("b", "other")) == "other"
    assert package_of(EntryPoint("b", "module.inner:Thing", "group")) == "module"
