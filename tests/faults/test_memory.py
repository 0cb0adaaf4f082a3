"""Real failed allocations under a limit on the address space, in one process and in one of two."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import luthier
from luthier.learning_curves.record import read_curves
from luthier.run_directory.run import Run
from tests.conftest import PLAIN, WORDS, write_csv
from tests.faults.runs import ENGINES
from tests.test_processes import launch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the address space")

SCRIPT = str(Path(__file__).with_name("memory_script.py"))
TOLERANCE = 1e-5
BATCH, STEPS = 1024, 2
# Rows of 64 tokens: a batch holds some 300 MB, far more than the allocator's own areas.
SETTINGS: dict[str, Any] = PLAIN | {
    "training.batch_size": BATCH,
    "training.max_steps": STEPS,
    "training.epochs": STEPS,
    "training.learning_rate": 1e-3,
    "training.precision": "fp32",
    "training.eval_strategy": "no",
    "model.dropout": 0.0,
    "fast.pages": False,  # what is kept would make what a step needs a matter of chance
    "data.validation_share": 0.0,
    "data.test_share": 0.0,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One batch of long rows."""
    labels = ("good", "bad") * (BATCH // 2)
    rows = [{"text": " ".join([*WORDS[label] * 6, f"n{i}"]), "label": label} for i, label in enumerate(labels)]
    return write_csv(tmp_path_factory.mktemp("data") / "long.csv", list(map(dict, rows)))


@pytest.fixture(autouse=True, scope="module")
def one_arena() -> Any:
    """Every thread reserves 64 MB of address space for its allocations, if the allocator is not told otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MALLOC_ARENA_MAX", "1")
        yield


@pytest.fixture(scope="module")
def free(data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[float], int]:
    """The losses of a run without a limit, and the bytes that it took beyond those before its first step."""
    run = tmp_path_factory.mktemp("free") / "run"
    (told,) = alone(data, run, settings(tiny_model, "loop"), "-1", "0")
    assert told["parts"] == 1 and told["need"] > 200e6
    return losses(run), told["need"]


def settings(model: Path, engine: str) -> str:
    return json.dumps(SETTINGS | {"model.name": str(model), "training.engine": engine})


def told_by(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def alone(*words: object) -> list[dict[str, Any]]:
    command = [sys.executable, SCRIPT, *map(str, words)]
    return told_by(subprocess.run(command, capture_output=True, text=True, timeout=300, check=False))


def losses(run: Path) -> list[float]:
    return list(read_curves(Run(run).curves_file)["train/loss"].values)


@pytest.mark.parametrize("engine", ["loop", pytest.param("trainer", marks=pytest.mark.slow)])
def test_a_failed_allocation_halves_the_micro_batch_and_changes_no_loss(
    engine: str, free: tuple[list[float], int], data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    run, (expected, need) = tmp_path / "run", free
    (told,) = alone(data, run, settings(tiny_model, engine), 0, int(0.8 * need))
    assert told["parts"] >= 2 and told["step"] == STEPS
    assert losses(run) == pytest.approx(expected, rel=TOLERANCE, abs=0)
    log = Run(run).log_file.read_text()
    assert "step 1 ran out of memory: from here on, micro-batches of 512 rows instead of 1,024" in log
    result = json.loads(Run(run).result_file.read_text())
    assert result["micro_batch_size"] == BATCH // told["parts"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_failed_allocation_in_one_process_halves_in_both(
    engine: str, free: tuple[list[float], int], data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    run, (expected, need) = tmp_path / "run", free
    above = int(0.5 * need)  # what half the rows take, so that there is none for what a trial keeps in reserve
    words = (data, run, settings(tiny_model, engine), 1, above)
    one, other = told_by(launch(SCRIPT, *map(str, words)))
    assert one["parts"] == other["parts"] >= 2
    assert losses(run) == pytest.approx(expected, rel=TOLERANCE, abs=0)


@pytest.mark.slow
def test_a_run_that_was_halved_and_killed_keeps_its_micro_batch_when_it_is_resumed(
    free: tuple[list[float], int], data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    whole, run, (_, need) = tmp_path / "whole", tmp_path / "run", free
    given = {"training.max_steps": 5, "training.epochs": 5, "training.save_strategy": "steps", "training.save_steps": 1}
    chosen = json.dumps(json.loads(settings(tiny_model, "loop")) | given)
    alone(data, whole, chosen, -1, 0)
    command = [sys.executable, SCRIPT, str(data), str(run), chosen, "0", str(int(0.8 * need))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (Run(run).checkpoints / "step-000002").is_dir():
            time.sleep(0.02)
        process.kill()
    result = luthier.resume(run)
    assert "resuming from step" in Run(run).log_file.read_text()
    assert result.to_dict()["micro_batch_size"] == BATCH // 2
    assert losses(run) == pytest.approx(losses(whole), rel=TOLERANCE, abs=0)
