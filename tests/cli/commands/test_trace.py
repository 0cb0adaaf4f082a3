"""`luthier trace`: one text or a pair, or a file; what is printed and written."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.cli import main
from luthier.reporting.terminal import trace as shown
from tests.cli.conftest import CapSys, Stub


class Found:
    def __init__(self) -> None:
        self.saved: list[Path] = []

    def save(self, file: Path) -> None:
        self.saved.append(file)

    def to_dict(self) -> dict[str, Any]:
        return {"answer": {"prediction": "good"}}


@pytest.mark.parametrize(
    ("words", "inputs"), [(["one"], "one"), (["one", "two"], ("one", "two")), (["--file", "new.csv"], Path("new.csv"))]
)
def test_what_is_traced(words: list[str], inputs: Any, stub: Stub, capsys: CapSys) -> None:
    calls = stub("trace", trace=Found())
    assert main(["trace", "runs/a", *words, "--json", "--max-length", "9", "--max-new-tokens", "5"]) == 0
    assert json.loads(capsys.readouterr().out) == {"answer": {"prediction": "good"}}
    assert calls["trace"].args == ("runs/a", inputs)
    settings = calls["trace"].settings
    assert (settings["max_length"], settings["truncation"], settings["max_new_tokens"]) == (9, True, 5)


def test_rows_of_a_file_are_named_by_their_number(stub: Stub, capsys: CapSys) -> None:
    calls = stub("trace", trace=Found())
    assert main(["trace", "runs/a", "--file", "new.csv", "--row", "17", "--row", "3", "--json"]) == 0
    assert (calls["trace"].args, calls["trace"].settings["rows"]) == (("runs/a", Path("new.csv")), [17, 3])
    assert json.loads(capsys.readouterr().out)


def test_the_values_are_written_and_their_file_named(
    stub: Stub, capsys: CapSys, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Found()
    stub("trace", trace=found)
    monkeypatch.setattr(shown, "trace_pieces", lambda trace: ["the stages"])
    assert main(["trace", "runs/a", "one", "--output", "v.safetensors"]) == 0
    assert found.saved == [Path("v.safetensors")]
    assert capsys.readouterr().out == "the stages\nvalues  v.safetensors\n"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "nothing to trace"),
        (["one", "--file", "new.csv"], "cannot be combined"),
        (["one", "two", "three"], "one text or two, not 3"),
        (["one", "--row", "1"], "--row is of a file"),
        (["one", "--padding", "left"], "no padding 'left'"),
        (["one", "--output", "v.txt"], "cannot be written as .txt"),
        (["one", "--output", "v"], "a file without a suffix"),
        (["one", "--output", "nowhere/v.html"], "there is no such directory"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_loaded(words: list[str], what: str, stub: Stub, capsys: CapSys) -> None:
    calls = stub("trace", trace=SimpleNamespace())
    assert main(["trace", "runs/a", *words]) == 2
    assert what in capsys.readouterr().err
    assert not calls
