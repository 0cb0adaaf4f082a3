"""`inspect`: what is in the data, whether `train` would stop, and what a training would cost."""

import re
from pathlib import Path

import pytest
from datasets import config

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
    assert re.search(r"input_ids +8 x \d+ +int64", repr(found))
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


def test_the_cost_is_that_of_the_whole_run(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path)  # which may have the features of another test
    found = inspect(ROWS, model=str(tiny_model), precision="fp32", epochs=5, cost=True)
    cost = found.cost
    assert cost is not None
    assert cost["steps"] == 40
    assert cost["seconds_per_step"] > 0
    assert set(cost["parts"]) == {
        "training",
        "fitted_head",
        "evaluation",
        "final_score",
        "baselines",
        "frozen_features",
        "calibration",
    }
    assert 0 < cost["low"] <= cost["seconds"] <= cost["high"]
    assert cost["peak_memory_bytes"] > 1e6
    assert re.search(r"^cost +[\d.]+ .* to .* of memory$", repr(found), re.MULTILINE)
    assert re.search(r"^  evaluation +.*\(10 x 8 rows\)$", repr(found), re.MULTILINE)


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


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is too large to be read whole, sorted by label."""
    monkeypatch.setattr("luthier.data.sample.draw.__defaults__", (50_000, 30_000))
    rows = [{"text": f"{label} text, number {i}", "label": label} for label in "abcd" for i in range(1000)]
    write_csv(tmp_path / "large.csv", rows)
    return tmp_path / "large.csv"


def test_of_large_data_a_sample_is_read_and_all_of_it_with_all_rows(
    tiny_model: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Listener()
    found = inspect(large, model=str(tiny_model), console=console)
    assert found.sample is not None
    assert found.sample["rows"] == found.rows["train"].read < 2000
    assert found.sample["of_rows"] == pytest.approx(4000, rel=0.1)
    assert found.sample["bytes"] < found.sample["of_bytes"] == large.stat().st_size
    assert set(found.labels) == set("abcd")
    assert found.to_dict()["sample"] == found.sample
    assert all(finding.message.startswith("In the sample: ") for finding in found.findings)
    (told,) = [one.value for one in console.decisions if one.what == "sample"]
    assert re.fullmatch(r"3\d kB of 96 kB", told)
    assert "rows of the sample" in repr(found) and "--all reads every row" in repr(found)
    whole = inspect(large, model=str(tiny_model), all_rows=True)
    assert whole.sample is None and whole.rows["train"].read == 4000
    assert "sample" not in repr(whole)
    monkeypatch.undo()
    assert whole.to_dict() == inspect(large, model=str(tiny_model)).to_dict(), "as small data is read"


def test_an_error_in_a_sample_stops_and_names_the_way_to_read_all(tiny_model: Path, large: Path) -> None:
    found = inspect(large, model=str(tiny_model), text="label", label="text", task="text-classification")
    assert found.stops is True
    assert found.findings[0].action.endswith("--all checks every row.")


def test_the_cost_of_a_sample_is_that_of_all_rows(tiny_model: Path, large: Path) -> None:
    settings: dict[str, object] = {"model": str(tiny_model), "precision": "fp32", "cost": True}
    cost, whole = inspect(large, **settings).cost, inspect(large, all_rows=True, **settings).cost
    assert cost is not None and whole is not None
    assert cost["steps"] == pytest.approx(whole["steps"], rel=0.1)
    assert cost["parts"]["final_score"]["rows"] == pytest.approx(400, rel=0.1)
    few = inspect(large, train_rows=3000, **settings).cost
    assert few is not None and few["parts"]["baselines"]["rows"] == 3000, "more than the sample has"


def test_the_settings_decided_on_a_sample_are_those_for_all_rows(tiny_model: Path, large: Path) -> None:
    for train_rows, batch_size in ((None, "16"), (3000, "16"), (200, "8")):
        told = Listener()
        assert inspect(large, model=str(tiny_model), cost=False, train_rows=train_rows, console=told).sample
        assert [decision.value for decision in told.decisions if decision.what == "batch size"] == [batch_size]


def test_data_that_cannot_be_read_is_an_error(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        inspect(tmp_path / "none.csv")
    with pytest.raises(ColumnError, match="no column 'lable'"):
        inspect(ROWS, model=str(tiny_model), label="lable")
