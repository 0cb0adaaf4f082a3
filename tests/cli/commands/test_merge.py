"""`luthier merge`: where the whole model is, and how near its outputs are."""

import json
from pathlib import Path

from luthier.api.merge import Merged
from luthier.cli import main
from luthier.errors import ModelError
from tests.cli.conftest import CapSys, Stub


def test_merge_says_where_the_model_is(stub: Stub, capsys: CapSys) -> None:
    calls = stub("merge", merge=Merged(Path("runs/a/merged"), 16, 6.1e-7))
    assert main(["merge", "runs/a", "--model", "base", "--output", "whole"]) == 0
    assert calls["merge"].args == ("runs/a", Path("whole"))
    assert calls["merge"].settings == {"base_model": "base"}
    assert capsys.readouterr().out.splitlines() == [
        "runs/a/merged",
        "its outputs for 16 texts differ by 6e-07 at most",
    ]
    assert main(["merge", "runs/a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": "runs/a/merged", "texts": 16, "difference": 6.1e-7}


def test_merge_needs_an_adapter(stub: Stub, capsys: CapSys) -> None:
    stub("merge", merge=ModelError("the model is whole"))
    assert main(["merge"]) == 2
    assert "missing argument" in capsys.readouterr().err
    assert main(["merge", "runs/a"]) == ModelError.exit_code
