"""Fault 17: a signal outside the steps is obeyed between two batches, and nothing is lost or half done."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from accelerate.utils import send_to_device

from luthier.api import one_run as story
from luthier.api.resume import resume
from luthier.cli import main
from luthier.data import table, tokenized
from luthier.engines.events import EvaluationNumbers
from luthier.errors import InterruptedRun
from luthier.pipeline.inference import infer, score
from luthier.pipeline.training import finish as training
from luthier.storage.lock import is_locked
from tests.faults.runs import Outcome, begin, quick_report
from tests.faults.scene import PLAIN_WORDS, Scene, finished

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def on_call(n: int, number: signal.Signals, inner: Callable[..., Any], calls: list[int]) -> Callable[..., Any]:
    """The function, which is interrupted by a signal in its n-th call; `calls` counts them."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        calls.append(len(calls) + 1)
        if len(calls) == n:
            os.kill(os.getpid(), number)
        return inner(*args, **kwargs)

    return wrapped


@pytest.fixture(params=SIGNALS, ids=["Ctrl-C", "SIGTERM"])
def number(request: pytest.FixtureRequest) -> signal.Signals:
    return request.param


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "report", quick_report)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """A shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# -- before there is anything to resume ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "name"),
    [(table, "_placed"), (tokenized, "flat"), (story, "decide_precision"), (story, "keep_data")],
    ids=["reading", "tokenizing", "measuring precision", "setting up"],
)
def test_before_training_the_command_stops_and_the_same_command_works_afterwards(
    module: Any,
    name: str,
    number: signal.Signals,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*scene.train("--epochs", "1"), "--json"]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, on_call(1, number, getattr(module, name), []))
        assert main(words) == 128 + number
    out, err = capfd.readouterr()
    assert json.loads(out)["error"]["message"].startswith("interrupted") and "Traceback" not in err
    assert f"{number.name}: stopping" in err
    assert not (scene.folder / "out").exists()
    assert main(words) == 0


def test_a_signal_that_reading_swallows_stops_it_at_the_next_row(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def swallowed(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except BaseException:
                assert len(calls) == 3
        return placed(*args)

    placed = table._placed
    monkeypatch.setattr(table, "_placed", swallowed)
    assert main([*scene.train("--epochs", "1"), "--json"]) == 130
    assert len(calls) == 3


# -- once there is a run ---------------------------------------------------------------------------------------------


ROW_BY_ROW = {"evaluation__eval_batch_size": 1}


@pytest.fixture(scope="module")
def uninterrupted(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outcome]:
    """What a run of an engine ends with; each is trained once."""
    folder = tmp_path_factory.mktemp("uninterrupted")

    def outcome(engine: str) -> Outcome:
        return Outcome.of(begin(folder, tiny_model, run=engine, training__engine=engine, **ROW_BY_ROW))

    return cache(outcome)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "evaluation", "number"),
    [
        ("loop", 1, signal.SIGINT),
        ("loop", 2, signal.SIGTERM),
        ("loop", 3, signal.SIGINT),
        ("trainer", 2, signal.SIGINT),
    ],
)
def test_an_evaluation_is_interrupted_between_batches_and_repeated_on_resume(
    engine: str,
    evaluation: int,
    number: signal.Signals,
    uninterrupted: Callable[[str], Outcome],
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the first, the second and the last one; with one row a batch, each takes four batches."""
    expected = uninterrupted(engine)
    calls: list[int] = []
    batch = 4 * (evaluation - 1) + 2
    with monkeypatch.context() as patch:
        patch.setattr(infer, "send_to_device", on_call(batch, number, send_to_device, calls))
        with pytest.raises(InterruptedRun, match=f"stopped by {number.name} after step {4 * evaluation} of 12"):
            begin(tmp_path, tiny_model, training__engine=engine, **ROW_BY_ROW)
    assert len(calls) == batch, "the batches after the signal were not run"
    assert finished(tmp_path / "run") == set()
    evaluated: list[int] = []

    def note(event: EvaluationNumbers) -> None:
        evaluated.append(event.step)

    resume(tmp_path / "run", callbacks=[("evaluation", note)])
    assert evaluated == [4, 8, 12][evaluation - 1 :]
    Outcome.of(tmp_path / "run").assert_same(expected)


def test_a_signal_in_the_evaluation_before_the_first_step(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Outcome.of(begin(tmp_path, tiny_model, run="through", training__eval_on_start=True))
    with monkeypatch.context() as patch:
        patch.setattr(infer, "send_to_device", on_call(1, signal.SIGINT, send_to_device, []))
        with pytest.raises(InterruptedRun, match="after step 0 of 12"):
            begin(tmp_path, tiny_model, training__eval_on_start=True)
    resume(tmp_path / "run")
    Outcome.of(tmp_path / "run").assert_same(expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "call"),
    [(score, "answer", 3), (score, "scores", 1), (training, "save_model", 1), (story, "report", 1)],
    ids=["final score", "intervals", "export", "report"],
)
def test_after_the_last_step_the_run_is_resumed_to_the_same_end(
    module: Any,
    name: str,
    call: int,
    number: signal.Signals,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = [*scene.train("--epochs", "2", *PLAIN_WORDS), "--json"]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, on_call(call, number, getattr(module, name), []))
        assert main(words) == 5
    out, err = capfd.readouterr()
    error = json.loads(out)["error"]
    assert error["message"] == f"stopped by {number.name}" and error["where"] == "out"
    assert error["hint"] == "`luthier resume out` continues after step 6"
    assert f"{number.name}: stopping" in err and "Traceback" not in err
    assert not is_locked(scene.folder / "out")
    assert main(["resume", "out", "--json"]) == 0
    ours, theirs = (json.loads((run / "metrics.json").read_text()) for run in (scene.folder / "out", scene.done))
    assert ours["metrics"] == theirs["metrics"]
    assert finished(scene.folder) >= {"out/model", "out/result.json", "out/report.html"}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["steps", "no"], ids=["an evaluation", "no evaluation"])
def test_without_saving_an_interrupted_score_repeats_the_steps_after_the_best_and_ends_the_same(
    strategy: str, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {
        "training__save_strategy": "no",
        "training__eval_strategy": strategy,
        "training__eval_steps": 5,
    }
    expected = Outcome.of(begin(tmp_path, tiny_model, run="through", **settings))
    with monkeypatch.context() as patch:
        patch.setattr(training, "score_split", on_call(1, signal.SIGINT, score.score_split, []))
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path, tiny_model, **settings)
    saved = [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()]
    assert sorted(saved) == (["step-000005", "step-000010"] if strategy == "steps" else [])
    assert resume(tmp_path / "run").steps == 12
    Outcome.of(tmp_path / "run").assert_same(expected)


# -- the command itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["typer", "numpy", "torch", "transformers"])
def test_a_signal_while_libraries_are_imported_is_obeyed_without_a_traceback(
    library: str, number: signal.Signals, scene: Scene
) -> None:
    words = ["-X", "importtime", "-m", "luthier", *scene.train("--epochs", "2000"), "--json", "--quiet"]
    pipe = subprocess.PIPE
    running = subprocess.Popen([sys.executable, *words], cwd=scene.folder, stdout=pipe, stderr=pipe, text=True)
    assert running.stderr is not None
    for line in running.stderr:  # as soon as something of the library has been imported
        if re.search(rf"\| +{library}\.", line):
            break
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number, err[-2000:]
    assert "Traceback" not in err and "Error" not in err
    assert not (scene.folder / "out").exists()


def test_a_process_that_is_killed_while_it_reads_leaves_nothing_that_refuses_the_same_command(scene: Scene) -> None:
    _, _, *options = words = [*scene.train("--epochs", "1"), "--json"]
    waiting = [sys.executable, "-m", "luthier", "train", "-", *options]
    running = subprocess.Popen(waiting, cwd=scene.folder, stdin=subprocess.PIPE)  # no row ever comes
    deadline = time.monotonic() + 60
    while not (scene.folder / "out" / ".owner").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    running.kill()
    running.communicate()
    assert (scene.folder / "out" / "checkpoints").is_dir()
    assert main(words) == 0
