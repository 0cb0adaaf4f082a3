"""The results of the matrix as a table: on the terminal, and as a page of docs/."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from luthier.tasks.registry import registry
from tests.matrix.models import ARCHITECTURES, FAMILIES, OTHERS

PAGE = Path(__file__).parent.parent.parent / "docs" / "matrix.md"
GREEN = "loop = trainer"
FAMILY_TASKS = {
    family: [name for name, task in registry().items() if task.family == family] for family in FAMILIES.values()
}
Cells = Mapping[tuple[str, str], str]  # architecture and task to what came out


def family_of(architecture: str) -> str:
    return FAMILIES[(ARCHITECTURES | OTHERS)[architecture][1]]


def every_cell(architectures: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, task) for name in architectures for task in FAMILY_TASKS[family_of(name)]]


def collected(reporter: pytest.TerminalReporter) -> dict[tuple[str, str], str]:
    """What the tests have noted, those of other processes too."""
    found = {}
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, []):
            noted = dict(report.user_properties)
            if "matrix" in noted:
                architecture, task = noted["matrix"].split("|")
                found[architecture, task] = GREEN if outcome == "passed" else "FAILED"
    return found


def whole(cells: Cells) -> bool:
    """Whether every cell was run and is green: only then the page is worth writing."""
    wanted = {*every_cell(ARCHITECTURES), *every_cell(OTHERS)}
    return wanted == cells.keys() and set(cells.values()) == {GREEN}


def shown(cells: Cells) -> str:
    lines = []
    for family, tasks in FAMILY_TASKS.items():
        names = [name for name in ARCHITECTURES | OTHERS if family_of(name) == family]
        lines.append(f"{family:<18}" + "".join(f"{task:<22}" for task in tasks))
        for name in names:
            if any((name, task) in cells for task in tasks):
                lines.append(f"  {name:<16}" + "".join(f"{cells.get((name, task), '-'):<22}" for task in tasks))
    return "\n".join(lines)


def page(cells: Cells) -> str:
    parts = [
        "# Architectures and tasks",
        "<!-- Written by the tests (tests/matrix); do not edit. -->",
        "A tiny model of each architecture, with random weights and a tokenizer of its own class, goes the "
        "whole way through Luthier on every task of its family: eight steps in both engines with equal losses "
        "(to 1e-5), a score that `luthier evaluate` gives again, a model directory that plain transformers "
        "loads and from which it gives the same answers, and a resumed run that ends with the same weights, "
        "bit for bit.",
        _table(cells, ARCHITECTURES),
        "## Others",
        "What the Auto classes load works too. These are tested in the same way:",
        _table(cells, OTHERS),
        "OPT cannot tell documents apart that lie in one row, so its rows are not packed: the same result, a little"
        " slower. DeBERTa-v3 and the SentencePiece tokenizers are used as their fast versions.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(cells: Cells, architectures: Mapping[str, object]) -> str:
    lines = ["| architecture | family | tasks |", "|---|---|---|"]
    for name in architectures:
        family = family_of(name)
        tasks = ", ".join(task for task in FAMILY_TASKS[family] if cells.get((name, task)) == GREEN)
        lines.append(f"| {name} | {family} | {tasks} |")
    return "\n".join(lines)
