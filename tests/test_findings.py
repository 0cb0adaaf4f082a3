"""Every finding that the code can make is documented, and every documented one can be made."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import luthier
from luthier.data.checks import CHECKS
from luthier.findings import Finding
from luthier.learning_curves.diagnosis import DIAGNOSES

SOURCES = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted(Path(luthier.__path__[0]).rglob("*.py"))]
TABLES = {
    node.targets[0].id: node.value
    for tree in SOURCES
    for node in tree.body
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict)
}


def calls(name: str) -> Iterator[tuple[ast.FunctionDef, ast.Call]]:
    """The calls of a function by its name, with the function around each."""
    for tree in SOURCES:
        for function in ast.walk(tree):
            for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
                called = node.func if isinstance(node, ast.Call) else None
                if getattr(called, "id", getattr(called, "attr", "")) == name:
                    yield function, node


def ids(node: ast.expr, function: ast.FunctionDef) -> set[str]:
    """The ids that an expression may be, or that are its keys; empty for one that the function was called with."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return ids(node.body, function) | ids(node.orelse, function)
    if isinstance(node, ast.Dict):
        return {found for key in node.keys for found in ids(key, function)}
    if isinstance(node, ast.DictComp):
        return ids(node.key, function)
    assert isinstance(node, ast.Name), ast.unparse(node)
    for inside in ast.walk(function):  # a name that is looked up in a table is one of its keys
        if isinstance(inside, ast.Subscript) and ast.unparse(inside.slice) == node.id:
            table = TABLES.get(ast.unparse(inside.value))
            if table is not None:
                return ids(table, function)
    return set()


def made() -> set[str]:
    """The id of every `Finding` in the code; where a function passes on an id, those that it is called with."""
    found: set[str] = set()
    makers = ["Finding", "Diagnosis"]
    for maker in makers:
        for function, call in calls(maker):
            given = next((word.value for word in call.keywords if word.arg == "id"), *call.args[:1])
            known = ids(given, function)
            found |= known
            if not known and function.name not in makers:
                makers.append(function.name)
    return found


def test_the_documented_findings_are_those_that_the_code_makes() -> None:
    assert made() == {*CHECKS, *DIAGNOSES}
    assert not CHECKS.keys() & DIAGNOSES.keys()


def test_a_severity_that_is_written_is_a_documented_one() -> None:
    for _, call in [*calls("Finding"), *calls("Diagnosis")]:
        words = {word.arg: word.value for word in call.keywords} | dict(
            zip(("id", "severity"), call.args, strict=False)
        )
        if isinstance(words["id"], ast.Constant):
            for severity in re.findall(r"'(info|warning|error)'", ast.unparse(words["severity"])):
                assert severity in (CHECKS | DIAGNOSES)[words["id"].value].split(":")[0]


def test_the_first_rows_do_not_say_how_many_there_are() -> None:
    finding = Finding("x", "warning", "405 rows are empty.", "", rows=tuple(range(1, 31)))
    assert finding.first_rows(3) == "1, 2, 3, ..."
    assert finding.first_rows(30).endswith("29, 30")
