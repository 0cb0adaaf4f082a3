"""The public names: losing one, or adding one without meaning to, fails here."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest

import luthier

NAMES = {
    "LuthierError",
    "Recipe",
    "Run",
    "Stop",
    "__version__",
    "chat",
    "compare",
    "compare_tokenizers",
    "curves",
    "datasize",
    "doctor",
    "evaluate",
    "inspect",
    "lr_find",
    "list_tasks",
    "load",
    "merge",
    "predict",
    "predict_file",
    "prune",
    "report",
    "resume",
    "runs",
    "trace",
    "track",
    "train",
    "train_tokenizer",
    "watch",
}
FUNCTIONS = sorted(name for name in NAMES if name.islower() and name != "__version__")
AFTER_EVERY_IMPORT = """
import importlib, pkgutil, sys
import luthier
modules = [module.name for module in pkgutil.walk_packages(luthier.__path__, "luthier.")]
for module in modules:
    if module != "luthier.__main__":
        importlib.import_module(module)
assert len(modules) > 150, modules
for name in sys.argv[1:]:
    function = getattr(luthier, name)
    assert callable(function), (name, function)
    try:
        function(no_such_argument_and_no_such_key=1)
    except (TypeError, luthier.LuthierError):
        pass  # it was called, and that is all that is asked here
assert luthier.list_tasks() and luthier.doctor()
"""


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


def test_the_functions_can_be_called_after_every_module_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", AFTER_EVERY_IMPORT, *FUNCTIONS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_module_has_the_name_of_a_function():
    modules = {module.name for module in pkgutil.iter_modules(luthier.__path__)}
    assert "reporting" in modules
    assert modules & set(FUNCTIONS) == set()


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "list_tasks"])
def test_each_function_says_what_it_takes_gives_and_raises_with_an_example(name):
    function = getattr(luthier, name)
    page, signature = inspect.getdoc(function), inspect.signature(function)
    assert "\nReturns:\n" in page
    assert f">>> luthier.{name}(" in page or f"luthier.{name}(" in page.partition("\nExample:\n")[2]
    if signature.parameters:
        assert "\nRaises:\n" in page
        for parameter in signature.parameters.values():
            assert parameter.annotation is not parameter.empty
            stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
            assert f"\n    {stars}{parameter.name}: " in page
    assert signature.return_annotation is not signature.empty


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        luthier.trian  # noqa: B018  the access is the test


def test_the_version_is_that_of_the_package():
    assert version("luthier") == luthier.__version__


def test_the_script_is_the_command_line():
    (script,) = entry_points(group="console_scripts", name="luthier")
    assert script.load() is importlib.import_module("luthier.cli").main
