"""`luthier track`: what each tracker holds, a line each."""

import json
from pathlib import Path

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub


def test_each_tracker_has_its_line(stub: Stub, capsys: CapSys) -> None:
    calls = stub("learning_curves.track", track={"csv": 1, "mlflow": 1200})
    assert main(["track", "runs/a", "--to", "csv", "--to", "mlflow", "--project", "mine", "--name", "best"]) == 0
    assert calls["track"].args == (Path("runs/a"), ["csv", "mlflow"])
    assert calls["track"].settings == {"project": "mine", "run_name": "best"}
    assert capsys.readouterr().out == "csv: 1 point\nmlflow: 1,200 points\n"
    assert main(["track", "runs/a", "--json"]) == 0
    assert calls["track"].args == (Path("runs/a"), ())
    assert json.loads(capsys.readouterr().out) == {"run": "runs/a", "points": {"csv": 1, "mlflow": 1200}}
