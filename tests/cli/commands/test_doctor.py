"""`luthier doctor`: what the machine has, in lines and tables."""

import json
from typing import Any

import pytest

from luthier.cli import main
from tests.cli.conftest import CapSys, Stub

FOUND: dict[str, Any] = {
    "luthier": "0.1.0",
    "python": "3.11",
    "platform": "Linux",
    "cores": 2,
    "threads": 1,
    "threads_why": "1 physical core",
    "set_before_torch": {"OMP_NUM_THREADS": "1"},
    "memory_bytes": 24e9,
    "memory_available_bytes": 20e9,
    "disk": {"path": "/here", "free_bytes": 5e9, "total_bytes": 9e9},
    "devices": [{"device": "cpu", "precisions": {"fp32": 101.2, "bf16": 0.9}, "precision": "fp32", "why": "w"}],
    "versions": {"torch": "2.13"},
    "models": {"minilm": None},
    "hub": {"endpoint": "https://hub", "offline": True, "reachable": False},
    "broken": ["the task 'x' of the package y cannot be used: ImportError: no z"],
}


def test_doctor_prints_rates(stub: Stub, capsys: CapSys) -> None:
    stub("doctor", doctor=FOUND)
    assert main(["doctor"]) == 0
    shown, warned = capsys.readouterr()
    assert f"warning: {FOUND['broken'][0]}" in warned
    for part in (
        "101 GFLOP/s",
        "chosen",
        "1 thread (1 physical core)",
        "torch, as the command does: OMP_NUM_THREADS=1",
        "20 GB of 24 GB",
        "not installed",
        "offline (HF_HUB_OFFLINE)",
    ):
        assert part in shown
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == FOUND


def test_only_the_precision_that_auto_takes_is_marked(stub: Stub, capsys: CapSys) -> None:
    stub("doctor", doctor=FOUND)
    assert main(["doctor"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "GFLOP/s" in line]
    assert rows == [["cpu", "fp32", "101", "GFLOP/s", "chosen"], ["cpu", "bf16", "1", "GFLOP/s"]]


@pytest.mark.parametrize(("reachable", "state"), [(True, "reachable"), (False, "not reachable")])
def test_the_state_of_the_hub_and_of_the_models_is_told(
    reachable: bool, state: str, stub: Stub, capsys: CapSys
) -> None:
    hub = {"endpoint": "https://hub", "offline": False, "reachable": reachable}
    stub("doctor", doctor=FOUND | {"hub": hub, "models": {"minilm": "/models"}, "set_before_torch": {}})
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"hub      https://hub {state}" in lines
    assert "model    minilm: installed" in lines
    assert not [line for line in lines if "before you import torch" in line], "there is nothing to set"
