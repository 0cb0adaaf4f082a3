"""`luthier curves`: what the curves say, and where they were drawn."""

import json
from pathlib import Path
from types import SimpleNamespace

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub

FOUND = {"run": "runs/a", "state": "done", "findings": [], "curves": {}, "picture": None}


def test_curves_are_read_with_the_rows_of_batches(stub: Stub, capsys: CapSys) -> None:
    calls = stub("learning_curves.curves", curves=SimpleNamespace(to_dict=lambda: FOUND))
    assert main(["curves", "runs/a", "--json"]) == 0
    assert calls["curves"].args == (Path("runs/a"),)
    assert calls["curves"].kwargs == {"output": None, "rows": True}
    assert json.loads(capsys.readouterr().out) == FOUND
    assert main(["curves", "runs/a", "--no-rows"]) == 0
    assert calls["curves"].kwargs["rows"] is False
    assert "No curves yet" in capsys.readouterr().out


def test_a_picture_has_a_form_that_can_be_written(stub: Stub, capsys: CapSys, tmp_path: Path) -> None:
    calls = stub("learning_curves.curves", curves=SimpleNamespace(to_dict=lambda: FOUND))
    assert main(["curves", "runs/a", "--output", str(tmp_path / "loss.svg")]) == 0
    assert calls["curves"].kwargs["output"] == tmp_path / "loss.svg"
    assert main(["curves", "runs/a", "--output", "loss.pdf"]) == 2
    assert "end the name in .svg or .png" in capsys.readouterr().err
