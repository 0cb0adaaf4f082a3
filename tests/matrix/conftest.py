"""What every test of the matrix runs with."""

import datasets
import pytest

from luthier.api import one_run
from tests.faults.runs import quick_report


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Reports have tests of their own; what is encoded here is of no use to anybody else."""
    monkeypatch.setattr(one_run, "report", quick_report)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.getbasetemp() / "datasets")
