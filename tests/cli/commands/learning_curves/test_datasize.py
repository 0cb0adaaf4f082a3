"""`luthier datasize`: what it prints, and wrong options."""

import json
from pathlib import Path
from typing import Any

import pytest

from luthier.cli import main
from tests.conftest import review_rows, write_csv


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_csv(tmp_path / "rows.csv", review_rows(60)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at", "0.1,half"], "the sizes '0.1,half' are not numbers"),
        (["--at", "1"], "1 size cannot show"),
        (["--at", "0,1"], "a size of 0 is neither"),
        (["--repeats", "0"], "repeats is 0"),
        (["--output", "sizes.pdf"], "a picture cannot be written as .pdf"),
    ],
)
def test_wrong_options_are_told_before_the_data_is_read(words: list[str], told: str, capsys: Any, data: str) -> None:
    assert main(["datasize", data, *words]) == 2
    error = capsys.readouterr().err
    assert told in error and "hint: " in error


def test_the_plan_and_the_result_are_printed_as_tables_or_as_one_object(
    tiny_model: Path, tmp_path: Path, capsys: Any, data: str
) -> None:
    options = ["--at", "20,40", "--repeats", "1", "--max-steps", "1", "--set", "baselines=false"]
    words = ["datasize", data, "--model", str(tiny_model), "--run-dir", str(tmp_path / "d"), *options]
    assert main([*words, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in planned["runs"]] == ["rows-20-1", "rows-40-1"] and planned["steps"] == 2
    assert main([*words, "--dry-run", "-q"]) == 0
    assert "rows-40-1" in capsys.readouterr().out and not (tmp_path / "d").exists()
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [size["rows"] for size in found["sizes"]] == [20, 40] and found["advice"]["verdict"] == "unclear"
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "Cannot say whether more labels would help" in " ".join(shown.out.split()) and "●" in shown.out
    assert "2 runs of 20, 40 training rows, 2 complete" in shown.err
