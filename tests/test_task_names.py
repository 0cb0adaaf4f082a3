"""The report, the pipeline and the api know no task by name."""

import ast
from pathlib import Path

import luthier
from luthier.tasks.registry import registry

ROOT = Path(luthier.__file__).parent


def strings(source: str) -> set[str]:
    """Every string of a program, parts of f-strings among them."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_no_string_equals_the_name_of_a_task() -> None:
    names = set(registry())
    assert len(names) >= 9
    files = [path for room in ("reporting", "pipeline", "api") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 40
    found = {(str(path.relative_to(ROOT)), name) for path in files for name in names & strings(path.read_text())}
    assert found == set()


def test_a_name_would_be_seen() -> None:
    assert strings('def f(task):\n    return task == "chat"') == {"chat"}
