"""The table of the matrix: collected from the tests of all processes, printed, and written to docs/matrix.md."""

from pathlib import Path

import datasets
import pytest

from luthier.api import train as api
from tests.faults.runs import quick_report
from tests.matrix.table import PAGE, collected, page, shown, whole


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Reports have tests of their own; what is encoded here is of no use to anybody else."""
    monkeypatch.setattr(api, "report", quick_report)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.getbasetemp() / "datasets")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    cells = collected(terminalreporter)
    if not cells:
        return
    terminalreporter.section("architectures x tasks, in both engines")
    terminalreporter.write_line(shown(cells))
    if whole(cells):
        Path(PAGE).write_text(page(cells), encoding="utf-8")
