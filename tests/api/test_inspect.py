"""`inspect`: what is in the data, whether `train` would stop, and what a training would cost."""

import re
from pathlib import Path

import pytest

from luthier.api.inspect import Inspection, inspect
from luthier.cli import main
from luthier.errors import ColumnError, SourceError
from tests.conftest import review_rows, write_csv
from tests.listener import Listener

CapSys = pytest.CaptureFixture[str]
ROWS = review_rows(80)  # 64 of them train: 4 steps an epoch


def test_an_inspection_reads_well(tiny_model: Path, capsys: CapSys) -> None:
    odd: list[dict[str, object]] = [{"text": None, "label": "good"}, {"text": "<b>a film</b>", "label": "<i>bad"}]
    found = inspect([*ROWS[:40], *odd], model=str(tiny_model), cost=False)
    assert isinstance(found, Inspection)
    assert (found.task, found.shape, found.columns) == (
        "text-classification",
        "single/one",
        {"text": "text", "label": "label"},
    )
    account = found.rows["train"]
    assert account.read == account.kept + account.skipped.total() == 42
    assert account.skipped["missing-text"] == 1
    assert found.labels["good"] > 10
    assert found.lengths["max"] >= found.lengths["median"] > 3
    assert found.stops is False
    assert found.cost is None, "a cost is measured only where it is asked for"
    assert found.batch is not None and found.batch["row"].startswith("[CLS] ")
    assert re.search(r"input_ids +16 x \d+ +int64", repr(found))
    assert "few-rows" in {finding.id for finding in found.findings}
    shown = repr(found)
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(r"^task +text-classification, single/one$", shown, re.MULTILINE)
    assert re.search(r"^ train +42 +\d+ +.*1 missing-text", shown, re.MULTILINE)
    assert "few-rows (warning)" in shown
    page = found._repr_html_()
    assert "<i>bad" not in page and "few-rows" in page
    assert found.to_dict()["findings"] == [finding.to_dict() for finding in found.findings]
    assert capsys.readouterr().out == ""


def test_the_command_prints_what_the_report_shows(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: CapSys
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "rows.csv", ROWS)
    assert main(["inspect", "rows.csv", "--model", str(tiny_model), "--no-cost"]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    report = [line for line in repr(inspect("rows.csv", model=str(tiny_model), cost=False)).splitlines() if line]
    assert printed == report[: len(printed)]
    assert len(printed) >= 8


def test_the_cost_is_that_of_all_steps(tiny_model: Path) -> None:
    cost = inspect(ROWS, model=str(tiny_model), precision="fp32", epochs=5, cost=True).cost
    assert cost is not None
    assert cost["steps"] == 20
    assert cost["seconds_per_step"] > 0
    assert cost["seconds"] == pytest.approx(20 * cost["seconds_per_step"])
    assert cost["peak_memory_bytes"] > 1e6


def test_a_training_of_one_step_has_a_cost(tiny_model: Path) -> None:
    cost = inspect(ROWS, model=str(tiny_model), precision="fp32", max_steps=1, cost=True).cost
    assert cost is not None and cost["steps"] == 1 and cost["seconds"] > 0


def test_the_cost_is_measured_after_an_inspection_in_another_precision(tiny_model: Path) -> None:
    for precision in ("fp32", "bf16"):
        found = inspect(ROWS, model=str(tiny_model), precision=precision, cost=True)
        assert found.cost is not None and found.cost["seconds"] > 0


def test_a_finding_that_stops_train_stands_first_and_may_be_allowed(tiny_model: Path) -> None:
    rows = [row | {"label": "good"} for row in ROWS]
    console = Listener()
    found = inspect(rows, model=str(tiny_model), cost=True, console=console)
    assert found.stops is True
    assert (found.findings[0].id, found.findings[0].severity) == ("one-class", "error")
    assert found.cost is None and found.batch is None, "a training that would not begin has no cost and no batch"
    assert [finding.id for finding in console.findings] == [finding.id for finding in found.findings]
    assert {"text", "label"} <= {decision.what for decision in console.decisions}
    assert inspect(rows, model=str(tiny_model), cost=False, allow=["one-class"]).stops is False


def test_data_that_cannot_be_read_is_an_error(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        inspect(tmp_path / "none.csv")
    with pytest.raises(ColumnError, match="no column 'lable'"):
        inspect(ROWS, model=str(tiny_model), label="lable")
