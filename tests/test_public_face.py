"""The public names: losing one, or adding one without meaning to, fails here."""

import importlib
from importlib.metadata import entry_points, version

import pytest

import luthier

NAMES = {
    "LuthierError",
    "Recipe",
    "Run",
    "__version__",
    "chat",
    "compare",
    "doctor",
    "evaluate",
    "inspect",
    "list_tasks",
    "load",
    "predict_file",
    "resume",
    "runs",
    "train",
    "write_report",
}


def test_the_names_are_these():
    assert set(luthier.__all__) == NAMES
    assert set(dir(luthier)) >= NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_name_is_there(name):
    assert getattr(luthier, name) is not None


def test_a_name_stays_itself_after_its_module_is_imported():
    for name, (module, attribute) in luthier._HOMES.items():
        importlib.import_module(module)
        assert getattr(luthier, name) is getattr(importlib.import_module(module), attribute)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        luthier.trian  # noqa: B018  the access is the test


def test_the_version_is_that_of_the_package():
    assert version("luthier") == luthier.__version__


def test_the_script_is_the_command_line():
    (script,) = entry_points(group="console_scripts", name="luthier")
    assert script.load() is importlib.import_module("luthier.cli").main
