"""`luthier watch`: lines or JSON without a terminal, and an exit code that says how the run ended."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from luthier.cli import main
from luthier.learning_curves.following import Snapshot
from luthier.run_directory.life import Life
from tests.cli.conftest import CapSys, Stub
from tests.reporting.terminal.test_watch import SHOT, evaluated

DONE = replace(SHOT, life=Life("done"))
EARLIER = replace(SHOT, curves={**SHOT.curves, "eval/loss": evaluated(0.7)})


def following(*several: Sequence[Snapshot]) -> Callable[..., Sequence[Snapshot]]:
    """Stands in for the function: it shows some snapshots, one after the other, and returns the last."""

    def watch(_: Path, show: Callable[[Sequence[Snapshot]], None]) -> Sequence[Snapshot]:
        for shots in several:
            show(shots)
        return several[-1]

    return watch


def test_a_line_for_each_evaluation_and_the_end(stub: Stub, capsys: CapSys) -> None:
    stub("learning_curves.watch", is_run=True, watch=following([EARLIER], [EARLIER], [SHOT], [DONE]))
    assert main(["watch", "runs/a"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[:2]] == ["step 60 of 120 (50.0 %)"] * 2
    assert "eval loss 0.700" in lines[0]
    assert lines[2].startswith("my run: done after 60 steps")
    assert main(["watch", "runs/a", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("my run: done")


@pytest.mark.parametrize("state", ["died", "failed", "stopped"])
def test_a_run_that_is_not_done_has_the_exit_code_of_one_that_can_be_resumed(
    state: str, stub: Stub, capsys: CapSys
) -> None:
    stub("learning_curves.watch", is_run=True, watch=following([SHOT], [replace(SHOT, life=Life(state))]))  # type: ignore[arg-type]
    assert main(["watch", "runs/a"]) == 5
    assert "luthier resume" in capsys.readouterr().out


def test_json_is_of_a_run_or_of_all(stub: Stub, capsys: CapSys) -> None:
    stub("learning_curves.watch", is_run=True, watch=following([DONE]))
    assert main(["watch", "runs/a", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == DONE.to_dict() and "accuracy 0.800" in err
    stub("learning_curves.watch", is_run=False, watch=following([DONE, SHOT]))
    assert main(["watch", "runs", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"runs": [DONE.to_dict(), SHOT.to_dict()]} and "my run: step 60" in err


def test_ctrl_c_ends_the_watching_as_any_command(stub: Stub, capsys: CapSys) -> None:
    stub("learning_curves.watch", is_run=True, watch=KeyboardInterrupt())
    assert main(["watch", "runs/a"]) == 130
    assert (
        capsys.readouterr().err == "error: interrupted\nhint: no run was stopped; repeat the command to keep watching\n"
    )


def test_a_terminal_is_drawn_on(stub: Stub, capsys: CapSys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for runs, shown in ((True, "⠒ train"), (False, "60/120")):
        stub("learning_curves.watch", is_run=runs, watch=following([SHOT], [DONE]))
        assert main(["watch", "runs/a"]) == 0
        assert shown in capsys.readouterr().out
