"""`luthier report`: the page is written again, and named."""

import json
from pathlib import Path

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub


def test_report_names_the_page(stub: Stub, capsys: CapSys) -> None:
    calls = stub("report", report=Path("runs/a/report.html"))
    assert main(["report", "runs/a"]) == 0
    assert calls["report"].args == (Path("runs/a"),)
    assert capsys.readouterr().out == "runs/a/report.html\n"
    assert main(["report", "runs/a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"run": "runs/a", "report": "runs/a/report.html"}
