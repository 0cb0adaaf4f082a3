"""`luthier resume`: the run directory is handed over, and the result is printed as that of `luthier train`."""

import json
from pathlib import Path
from types import SimpleNamespace

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub


def test_resume_hands_over_the_directory(stub: Stub, result: SimpleNamespace, capsys: CapSys) -> None:
    calls = stub("resume", resume=result)
    assert main(["resume", "runs/a", "--json"]) == 0
    assert calls["resume"].args == (Path("runs/a"),)
    assert json.loads(capsys.readouterr().out)["run"] == "runs/a"


def test_the_end_of_a_resumed_run_is_that_of_a_training(stub: Stub, result: SimpleNamespace, capsys: CapSys) -> None:
    stub("train", train=result)
    stub("resume", resume=result)
    assert main(["train", "a.csv"]) == 0
    trained = capsys.readouterr().out
    assert main(["resume", "runs/a"]) == 0
    assert capsys.readouterr().out == trained
