"""`luthier prune`: what it frees, run by run."""

import json
from pathlib import Path

from luthier.cli import main
from luthier.errors import RunError
from tests.cli.conftest import CapSys, Stub


def test_prune_says_what_it_freed(stub: Stub, capsys: CapSys) -> None:
    found = [
        {"run": "runs/a", "freed_bytes": 522_000_000, "size_bytes": 91_000_000},
        {"run": "runs/b", "freed_bytes": 0, "size_bytes": 2_000},
    ]
    calls = stub("prune", prune=found)
    assert main(["prune", "runs/a", "runs/b"]) == 0
    assert calls["prune"].args == ([Path("runs/a"), Path("runs/b")],)
    assert capsys.readouterr().out.splitlines() == [
        "runs/a  522 MB removed, 91 MB left",
        "runs/b  0 bytes removed, 2.0 kB left",
    ]
    assert main(["prune", "runs/a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": found}


def test_prune_needs_a_run(stub: Stub, capsys: CapSys) -> None:
    stub("prune", prune=RunError("the run is not complete"))
    assert main(["prune"]) == 2
    assert "missing argument" in capsys.readouterr().err
    assert main(["prune", "runs/a"]) == 2
