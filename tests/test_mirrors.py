"""`tests` mirrors `src`: a module with logic has its file of tests, and any other file says why it is there."""

import ast
from pathlib import Path

import pytest

import luthier

SOURCE, TESTS = Path(luthier.__file__).parent, Path(__file__).parent

BRANCHES = (
    ast.If | ast.IfExp | ast.For | ast.AsyncFor | ast.While | ast.Try | ast.TryStar | ast.BoolOp | ast.Match
    | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
)  # fmt: skip

# Files of tests that are no module's, in the folders that mirror packages, and what each is about. Whatever is about
# the whole of Luthier stands directly in `tests`, or in a folder that mirrors none.
SPANS = {
    "api/test_notebook.py": "the functions in a notebook",
    "data/checks/test_checks.py": "the list of all checks, which the package itself holds",
    "data/columns/test_columns.py": "profiles, roles and structure together, on whole tables",
    "data/reading/test_accounts.py": "every reader and format accounts for each row",
    "engines/test_direction.py": "a metric whose lowest value is the best, through both engines",
    "engines/test_optimisation.py": "what a step does to the weights, in both engines",
    "engines/test_parity.py": "both engines beside plain torch",
    "metrics/test_directions.py": "the direction of every metric",
    "recipe/test_properties.py": "recipes of any values survive their file",
    "storage/test_the_one_place.py": "only this package writes files",
    "tokenizers/test_offsets.py": "offsets and round trips of all six kinds",
    "tasks/test_pipeline.py": "the models of all tasks in plain transformers",
}


def modules() -> list[str]:
    """Every module, by its path, but those that only make a package or start it."""
    paths = (path for path in SOURCE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
    return sorted(path.relative_to(SOURCE).as_posix() for path in paths)


def has_logic(source: str) -> bool:
    """Whether there is a branch or a loop in any function."""
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return any(isinstance(node, BRANCHES) for function in functions for node in ast.walk(function))


def mirror(module: str) -> str:
    """Where the tests of a module stand."""
    return Path(module).with_name(f"test_{Path(module).name}").as_posix()


def test_every_module_with_logic_has_a_file_of_tests() -> None:
    found = modules()
    assert len(found) > 100
    missing = [
        mirror(module)
        for module in found
        if has_logic((SOURCE / module).read_text(encoding="utf-8")) and not (TESTS / mirror(module)).is_file()
    ]
    assert not missing, "missing:\n" + "\n".join(f"tests/{path}" for path in missing)


def test_a_file_of_tests_that_is_no_mirror_is_listed_with_its_reason() -> None:
    mirrors = {mirror(module) for module in modules()}
    packages = {path.parent.relative_to(SOURCE) for path in SOURCE.rglob("__init__.py")} - {Path()}
    files = {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    others = {path.as_posix() for path in files if path.parent in packages} - mirrors
    assert others == set(SPANS)
    assert all(SPANS.values())


@pytest.mark.parametrize(
    ("source", "logic"),
    [
        ("X = [i for i in range(3)]\nif X:\n    Y = 1", False),
        ("def f(x):\n    return x + 1", False),
        ("class A:\n    def f(self, x):\n        return x or 1", True),
        ("def f(x):\n    return 1 if x else 2", True),
        ("def f(x):\n    return sum(i for i in x)", True),
        ("async def f(x):\n    for i in x:\n        pass", True),
        ("def f(x):\n    def g():\n        while x:\n            pass", True),
        ("def f(x):\n    match x:\n        case 1:\n            pass", True),
        ("def f(x):\n    try:\n        x()\n    finally:\n        pass", True),
    ],
)
def test_logic_is_a_branch_or_a_loop_in_a_function(source: str, logic: bool) -> None:
    assert has_logic(source) == logic
