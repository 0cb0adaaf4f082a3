"""`luthier tasks`: the tasks of the registry."""

import json
from types import SimpleNamespace

import pytest

from luthier.cli import main
from luthier.tasks import registry
from tests.cli.conftest import CapSys


def test_tasks_come_from_the_registry(monkeypatch: pytest.MonkeyPatch, capsys: CapSys) -> None:
    told = {"name": "t", "family": "encoder", "auto_class": "TokenClassification", "about": "does [this]", "row": "a"}
    task = SimpleNamespace(**told, metric_names=("f1",))
    monkeypatch.setattr(registry, "registry", lambda: {"t": task})
    assert main(["tasks", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == [told | {"metrics": ["f1"]}]
    assert main(["tasks"]) == 0
    assert "does [this]" in capsys.readouterr().out


def test_each_of_our_tasks_is_a_line_with_its_family(capsys: CapSys) -> None:
    assert main(["tasks"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, family in (("text-classification", "encoder"), ("chat", "decoder"), ("translation", "encoder-decoder")):
        assert [name, family] in [line[:2] for line in lines]


def test_a_plug_in_that_is_broken_is_named(monkeypatch: pytest.MonkeyPatch, capsys: CapSys) -> None:
    why = "the task 'x' of the package y cannot be used: ImportError: no z"
    monkeypatch.setattr(registry, "registered", lambda: registry.Registered({}, {"x": why}))
    assert main(["tasks"]) == 0
    assert f"warning: {why}" in capsys.readouterr().err
