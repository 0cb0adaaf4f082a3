"""Two processes that a launcher starts: the numbers of one process, one voice, and an end for all of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from luthier import processes
from luthier.api.resume import resume
from luthier.api.train import train
from luthier.engines import checkpoints
from luthier.errors import FingerprintError, UsageError
from luthier.learning_curves.record import read_curves
from luthier.run_directory.run import Run
from tests.conftest import PLAIN

TOLERANCE = 1e-5
# 7 rows in 4 pieces, and 5 in the last step of an epoch: unequal pieces are what a wrong mean shows on.
SETTINGS: dict[str, Any] = PLAIN | {
    "training.keep_checkpoints": True,
    "training.batch_size": 7,
    "training.gradient_accumulation_steps": 2,
    "training.max_steps": 18,
    "training.learning_rate": 1e-3,
    "training.precision": "fp32",
    "evaluation.resamples": 100,
}
# What a user's script does; `at` is the step at which something happens in the process `rank`.
SCRIPT = """
import json, os, signal, sys
import luthier
from luthier import processes
from luthier.api import train as api
from luthier.engines.supervise import Supervisor
from luthier.run_directory.run import Run

data, run, overrides, happening, rank = sys.argv[1:]
step = Supervisor.__call__

def at_step(supervisor, done):
    if done.step == 10 and processes.rank() == int(rank):
        if happening == "signal":
            os.kill(os.getpid(), signal.SIGTERM)
        if happening == "bug":
            raise ValueError("a bug")
    return step(supervisor, done)

Supervisor.__call__ = at_step
api.report = lambda run: Run(run).report_file  # a report has tests of its own
try:
    result = luthier.train(data, run_dir=run, **json.loads(overrides)).to_dict()
    answer = {"rank": processes.rank(), "steps": result["steps"]}
except luthier.LuthierError as error:
    answer = {"rank": processes.rank(), **error.to_dict()}
sys.stdout.write(json.dumps(answer) + chr(10))  # in one piece, because the processes share the stream
sys.exit(answer.get("exit", 0))
"""


def launch(*words: str, count: int = 2) -> subprocess.CompletedProcess[str]:
    """Start processes as a user would, each of one thread."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)


def words_of(overrides: dict[str, Any]) -> list[str]:
    return [word for key, value in overrides.items() for word in ("--set", f"{key}={value}")]


def from_script(
    place: Path, data: Path, run: Path, overrides: dict[str, Any], happening: str = "", rank: int = 0
) -> tuple[list[dict[str, Any]], str]:
    """What each process of a script tells at its end, by rank, and everything on standard error."""
    script = place / "script.py"
    script.write_text(SCRIPT)
    done = launch(str(script), str(data), str(run), json.dumps(overrides), happening, str(rank))
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return sorted(told, key=lambda answer: int(answer["rank"])), done.stderr


def loss_gap(one: Path, other: Path, name: str = "train/loss") -> float:
    """The largest relative difference between the points of a curve in two runs."""
    a, b = (read_curves(Run(path).curves_file)[name] for path in (one, other))
    assert a.steps == b.steps and a.steps
    return max(abs(x - y) / abs(x) for x, y in zip(a.values, b.values, strict=True))


def weights(run: Path) -> dict[str, torch.Tensor]:
    """The weights after the last step, which need not be those of the best one."""
    return load_file(checkpoints.list_checkpoints(Run(run).checkpoints)[-1].path / checkpoints.MODEL)


def test_one_process_asks_nobody() -> None:
    with processes.together():
        assert (processes.count(), processes.rank(), processes.is_main()) == (1, 0, True)
        assert processes.on_main(lambda: "done") == "done"
        assert processes.gather("alone") == ["alone"]
        assert processes.totals(3, 4) == [3, 4] and processes.largest(5) == 5
    error = FingerprintError("changed")
    assert processes.alike(error) is error
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(
    ("variables", "count", "rank"),
    [
        ({}, 1, 0),
        ({"RANK": "1"}, 1, 0),
        ({"WORLD_SIZE": "1", "RANK": "0"}, 1, 0),
        ({"WORLD_SIZE": "4", "RANK": "3"}, 4, 3),
        ({"WORLD_SIZE": "4"}, 4, 0),
    ],
)
def test_a_launcher_tells_each_process_its_place(
    variables: dict[str, str], count: int, rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (processes.count(), processes.rank(), processes.is_main()) == (count, rank, rank == 0)


def test_what_runs_in_one_process_refuses_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    processes.require_one("the test")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="the test runs in one process") as caught:
        processes.require_one("the test")
    assert caught.value.where == "WORLD_SIZE"


def test_a_launcher_that_divides_the_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UsageError, match="FSDP is not supported") as caught, processes.together():
        raise AssertionError("nothing starts")
    assert caught.value.where == "ACCELERATE_USE_FSDP"
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "false")
    with processes.together():
        pass


def test_only_the_first_process_reports_what_all_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    error = FingerprintError("changed")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert processes.alike(error) is error
    monkeypatch.setenv("RANK", "1")
    leaves = processes.alike(error)
    assert isinstance(leaves, SystemExit) and leaves.code == 0, "else the launcher would end the first before it speaks"


def test_a_launcher_that_does_not_tell_its_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    processes.check(1)
    with pytest.raises(UsageError, match="2 processes are connected, but WORLD_SIZE is 1") as caught:
        processes.check(2)
    assert "torchrun" in caught.value.hint
    monkeypatch.setenv("WORLD_SIZE", "2")
    processes.check(2)


def test_an_error_of_one_process_alone_is_its_own() -> None:
    with pytest.raises(RuntimeError, match="gloo"), processes.together():
        raise RuntimeError("gloo: not of a connection that there is")


def test_processes_agree(tmp_path: Path) -> None:
    script = tmp_path / "agree.py"
    script.write_text(
        "import json, sys\n"
        "from luthier import processes\n"
        "rank = processes.rank()\n"
        "with processes.together():\n"
        "    found = [processes.on_main(lambda: rank + 7), processes.gather(rank), processes.totals(rank, 10)]\n"
        "    found += [processes.largest(rank), processes.device().type]\n"
        "    sys.stdout.write(json.dumps(found) + chr(10))\n"
        "    sys.stdout.flush()\n"
        "    if rank == 0:\n"
        "        raise SystemExit(3)\n"
        "    processes.totals(1)\n"
        "    print('not reached')\n"
    )
    done = launch(str(script))
    assert done.stdout.splitlines() == ['[7, [0, 1], [1, 20], 1, "cpu"]'] * 2, done.stderr
    assert "exitcode  : 3" in done.stderr and "Connection closed" not in done.stderr


def test_a_process_that_leaves_is_noticed_by_the_first(tmp_path: Path) -> None:
    script = tmp_path / "leave.py"
    script.write_text(
        "import json, os, sys\n"
        "from luthier import processes\n"
        "from luthier.errors import ResourceError\n"
        "try:\n"
        "    with processes.together():\n"
        "        processes.totals(1)\n"
        "        if processes.rank() == 1:\n"
        "            os._exit(0)\n"  # the launcher takes it for done, and leaves the first alone
        "        processes.gather('waiting')\n"
        "except ResourceError as error:\n"
        "    print(json.dumps(error.to_dict()))\n"
        "with processes.together():\n"
        "    raise RuntimeError('mine')\n"
    )
    done = launch(str(script))
    told = json.loads(done.stdout)
    assert (told["code"], told["where"]) == ("resource", "2 processes"), done.stderr
    assert "another process" in told["message"] and "luthier resume RUN" in told["hint"]
    assert "RuntimeError: mine" in done.stderr, "any other error is the program's own"


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loop", "trainer"])
def test_losses_and_weights_are_those_of_one_process(
    engine: str, reviews: Path, tiny_model: Path, tmp_path: Path
) -> None:
    overrides = {**SETTINGS, "model.name": str(tiny_model), "model.dropout": 0.0, "training.engine": engine}
    overrides |= {"training.ema_decay": 0.9, "training.average_best": 2}
    train(reviews, run_dir=tmp_path / "one", **overrides)
    done = launch(
        "-m", "luthier", "train", str(reviews), "--run-dir", str(tmp_path / "two"), "--json", *words_of(overrides)
    )

    result = json.loads(done.stdout)  # one object: rank 0 alone speaks
    assert result["steps"] == 18, done.stderr
    assert done.stderr.count("30.0 k trainable parameters") == 1
    for name in ("train/loss", "train/grad_norm", "train/learning_rate", "eval/loss", "eval/ema_loss"):
        assert loss_gap(tmp_path / "one", tmp_path / "two", name) < TOLERANCE, name
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert one.keys() == two.keys()
    # Adam blows the rounding of a gradient that is 0 (the bias of the keys) up to a whole update.
    learned = [name for name in one if "key.bias" not in name]
    assert max(float((one[name] - two[name]).abs().max()) for name in learned) < 1e-4
    before, after = (json.loads((Run(tmp_path / run).result_file).read_text()) for run in ("one", "two"))
    assert after["best_step"] == before["best_step"]
    assert after["averaging"] == before["averaging"] and {"checkpoint", "ema"} <= set(after["averaging"]["scores"])
    assert json.loads((tmp_path / "two" / "environment.json").read_text())["processes"] == 2


@pytest.mark.slow
def test_processes_that_are_on_another_device_are_refused(reviews: Path, tiny_model: Path, tmp_path: Path) -> None:
    overrides = {**SETTINGS, "model.name": str(tiny_model)}
    told, errors = from_script(tmp_path, reviews, tmp_path / "run", overrides | {"device": "mps"})
    assert [(answer["rank"], answer["code"], answer["exit"]) for answer in told] == [(0, "usage", 2)], errors
    assert "not mps" in told[0]["message"] and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all_and_the_run_goes_on_bit_for_bit(
    reviews: Path, tiny_model: Path, tmp_path: Path
) -> None:
    own = "cuda" if torch.cuda.is_available() else "cpu"
    overrides = {**SETTINGS, "model.name": str(tiny_model), "training.save_strategy": "steps", "training.save_steps": 4}
    overrides |= {"device": own}
    through, broken = tmp_path / "through", tmp_path / "broken"
    told, errors = from_script(tmp_path, reviews, through, overrides)
    assert [answer["steps"] for answer in told] == [18, 18], errors

    told, errors = from_script(tmp_path, reviews, broken, overrides, "signal", rank=1)
    assert [(answer["rank"], answer["code"], answer["exit"]) for answer in told] == [(0, "interrupted-run", 5)], errors
    assert "after step 10 of 18" in told[0]["message"]
    assert f"exitcode  : {signal.SIGTERM}" not in errors
    [newest, *_] = reversed(checkpoints.list_checkpoints(broken / "checkpoints"))
    states = torch.load(newest.path / checkpoints.TENSORS, weights_only=True)["random"]
    assert len(states) == 2 and not torch.equal(states[0]["torch"], states[1]["torch"])

    with pytest.raises(FingerprintError, match="processes: 2 -> 1"):
        resume(broken)
    done = launch("-m", "luthier", "resume", str(broken), "--json")
    assert json.loads(done.stdout)["steps"] == 18, done.stderr
    assert loss_gap(through, broken) == 0.0
    expected, found = weights(through), weights(broken)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert json.loads(launch("-m", "luthier", "resume", str(broken), "--json").stdout)["steps"] == 18  # done already


@pytest.mark.slow
def test_an_error_that_all_meet_is_told_once(reviews: Path, tiny_model: Path, tmp_path: Path) -> None:
    overrides = {**SETTINGS, "model.name": str(tiny_model), "training.learning_rate": 1e30}
    told, errors = from_script(tmp_path, reviews, tmp_path / "run", overrides)
    assert [(answer["rank"], answer["code"], answer["exit"]) for answer in told] == [(0, "non-finite", 3)], errors
    assert "rows" in told[0]["where"]


@pytest.mark.slow
def test_a_process_that_breaks_leaves_nobody_waiting(reviews: Path, tiny_model: Path, tmp_path: Path) -> None:
    overrides = {**SETTINGS, "model.name": str(tiny_model)}
    told, errors = from_script(tmp_path, reviews, tmp_path / "run", overrides, "bug", rank=1)
    assert "ValueError: a bug" in errors
    assert not told or told[0]["code"] == "resource"  # a launcher that is quick ends rank 0 before it can speak
    assert not (tmp_path / "run" / "result.json").exists()


@pytest.mark.slow
def test_a_wrong_command_is_answered_once(tmp_path: Path) -> None:
    done = launch("-m", "luthier", "train", "data.csv", "--set", "training.typo=1")
    assert done.stderr.count("error: no recipe key 'training.typo'") == 1
    done = launch("-m", "luthier", "tasks", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)


@pytest.mark.slow
def test_seeds_are_trained_by_both_processes_and_told_once(reviews: Path, tiny_model: Path, tmp_path: Path) -> None:
    few = SETTINGS | {"training.max_steps": 2, "evaluation.baselines": False, "model.name": str(tiny_model)}
    words = ["-m", "luthier", "train", str(reviews), "--seeds", "2", "--run-dir", str(tmp_path / "set"), "--json"]
    done = launch(*words, *words_of(few))
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
    assert json.loads(line)["seeds"] == [42, 43]
    (tmp_path / "set" / "result.json").unlink()
    again = launch("-m", "luthier", "resume", str(tmp_path / "set"), "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == json.loads(line)
