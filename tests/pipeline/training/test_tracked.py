"""Trackers beside a training: they hold every point, once, and change nothing whatever happens to them."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from luthier.api import one_run
from luthier.api.resume import resume
from luthier.api.train import plan, train
from luthier.engines.events import Events, StepNumbers
from luthier.errors import UsageError
from luthier.pipeline.training import tracked
from luthier.pipeline.training.time_limit import TimeLimit
from luthier.pipeline.training.time_plan import Needs, Times, plan_of
from luthier.recipe import Recipe
from luthier.run_directory.run import Run, State
from luthier.storage.atomic import write_json
from luthier.tracking.base import Point, TrackedRun, Tracker
from luthier.tracking.csv import CsvTracker
from luthier.tracking.sending import Sender
from tests.conftest import review_rows, write_csv
from tests.faults.runs import ENGINES, SETTINGS, in_child, quick_report
from tests.listener import Listener
from tests.tracking import held


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held.keep_here(tmp_path, monkeypatch)
    monkeypatch.setattr(one_run, "report", quick_report)


def settings(model: Path, **changes: Any) -> dict[str, Any]:
    given = SETTINGS | {"model.name": str(model), "training.logging_steps": 2}
    return given | {key.replace("__", "."): value for key, value in changes.items()}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "data.csv", review_rows(40))


@pytest.fixture(scope="module")
def weights(data: Path, tiny_model: Path) -> dict[str, torch.Tensor]:
    """Those of a training that nothing tracks."""
    run = data.parent / "untracked"
    train(data, run_dir=run, **settings(tiny_model))
    assert not any(thread for thread in threading.enumerate() if isinstance(thread, Sender))
    return load_file(run / "model" / "model.safetensors")


def assert_same(run: Path, weights: Mapping[str, torch.Tensor]) -> None:
    found = load_file(run / "model" / "model.safetensors")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)


def recorded(run: Path) -> Any:
    """Every point of the curves, and the scores with their intervals."""
    points = [json.loads(line) for line in (run / "curves.jsonl").read_text().splitlines()]
    result = json.loads((run / "result.json").read_text())
    scores = [
        (f"{score['split']}/{name}{ending}", result["steps"], score[key])
        for name, score in result["metrics"].items()
        for key, ending in (("value", ""), ("low", "_low"), ("high", "_high"))
        if score[key] is not None
    ]
    return held.as_text([*((point["name"], point["step"], point["value"]) for point in points), *scores])


def kill(event: StepNumbers) -> None:
    """Kill the process at step 9, once every tracker holds step 7; the last checkpoint is of step 6."""
    senders = [thread for thread in threading.enumerate() if isinstance(thread, Sender)]
    while event.step == 9:
        assert [sender.failure for sender in senders] == [""] * len(senders)
        if all(sender.done >= 7 * 4 + 6 for sender in senders):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)


def killed_and_resumed(data: Path, run: Path, given: Mapping[str, Any]) -> None:
    def work() -> None:
        train(data, run_dir=run, callbacks=[("step", kill)], **given)

    assert in_child(work) == -signal.SIGKILL
    assert in_child(lambda: resume(run)) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_and_resumed_it_is_one_run_without_a_point_twice(
    data: Path, tmp_path: Path, tiny_model: Path, weights: dict[str, torch.Tensor], engine: str
) -> None:
    run = tmp_path / "run"
    given = settings(tiny_model, training__engine=engine, tracking__trackers=["csv"])
    killed_and_resumed(data, run, given)
    assert held.in_csv(run) == recorded(run)
    if engine == "loop":
        assert_same(run, weights)


def test_each_service_holds_one_run_and_every_point_once(
    data: Path, tmp_path: Path, tiny_model: Path, weights: dict[str, torch.Tensor]
) -> None:
    for module in ("mlflow", "tensorboard", "wandb"):
        pytest.importorskip(module)
    names = ["tensorboard", "mlflow", "wandb", *(["trackio"] if find_spec("trackio") else [])]
    run = tmp_path / "run"
    killed_and_resumed(data, run, settings(tiny_model, tracking__trackers=names, tracking__artefacts=["model"]))
    assert "WARNING tracker" not in (run / "log.txt").read_text()
    expected = recorded(run)
    assert held.in_mlflow() == expected
    assert [(name, step) for name, step, _ in held.in_tensorboard(run)] == [(name, step) for name, step, _ in expected]
    run_id = json.loads((run / "environment.json").read_text())["id"]
    if "trackio" in names:
        assert held.in_trackio(tmp_path / "trackio" / "luthier.db", run_id) == expected
    assert held.in_wandb(run) == expected
    assert {one.run.run_id for one in held.wandb_records(run) if one.run.run_id} == {run_id}
    assert_same(run, weights)


class Bad:
    """Begins, and has nothing."""

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        return {}

    def points(self, points: Sequence[Point]) -> None:
        raise ConnectionError("the server is gone")

    def artefacts(self, paths: Sequence[Path]) -> None:
        raise AssertionError("it has failed before")

    def end(self, state: State) -> None:
        raise AssertionError("it has failed before")


class FullDisk(Bad):
    def points(self, points: Sequence[Point]) -> None:
        raise OSError(28, "No space left on device")


class Hangs(Bad):
    """Waits for a server that accepts the connection and never answers."""

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            client.recv(1)
        return {}


@pytest.mark.parametrize(
    ("kind", "why", "wait"),
    [
        (Bad, "ConnectionError: the server is gone", 30),
        (FullDisk, "OSError: [Errno 28] No space left on device", 30),
        (Hangs, "it did not finish within 1.0 s", 1.0),
    ],
)
def test_a_tracker_that_fails_changes_nothing_and_the_other_gets_all(
    data: Path,
    tmp_path: Path,
    tiny_model: Path,
    weights: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Tracker],
    why: str,
    wait: float,
) -> None:
    made: dict[str, Tracker] = {"good": CsvTracker(), "bad": kind()}
    monkeypatch.setattr(one_run, "make_trackers", lambda names: made)
    run, console = tmp_path / "run", Listener()
    result = train(data, run_dir=run, console=console, **settings(tiny_model, tracking__wait=wait))
    assert_same(run, weights)
    expected = recorded(run)
    assert held.in_csv(run) == expected
    n = len(expected)
    assert result.values["tracking"] == {"good": {"sent": n, "not_sent": 0}, "bad": {"sent": 0, "not_sent": n}}
    (warning,) = [line for line in console.warned if "tracker" in line]
    assert warning == (
        f"tracker bad: {why}; the run is not affected, and `luthier track {run} --to bad` sends what is missing"
    )
    assert f"tracker bad: 0 of {n} points sent" in console.said
    assert f"tracker bad: 0 of {n} points sent" in (run / "log.txt").read_text()


def test_the_wait_at_the_end_is_within_the_time_of_the_run(tmp_path: Path) -> None:
    """A tracker that hangs costs no more than `max_time` leaves."""
    run, recipe = (
        Run.create(tmp_path / "run"),
        Recipe.build({"tracking": {"wait": 1000.0}, "training": {"max_time": "10s"}}),
    )
    limit = TimeLimit(recipe, plan_of(1, 0, Needs(0, 0, 0, 0, 0, 0), NEVER), run, before=10.0)
    with tracked.tracked(run, recipe, {"hangs": Hangs()}, Events(), Listener(), limit) as sent:
        write_json(run.result_file, {"metrics": {}, "steps": 0, "epochs": 0.0})
    assert sent == {"hangs": {"sent": 0, "not_sent": 0}}


NEVER = Times(*3 * (lambda steps: 0,))


def test_a_training_that_is_stopped_is_closed_there_and_its_scores_are_not_sent(
    data: Path, tmp_path: Path, tiny_model: Path
) -> None:
    def stop(event: StepNumbers) -> None:
        if event.step == 5:
            raise ZeroDivisionError

    run = tmp_path / "run"
    with pytest.raises(ZeroDivisionError):
        train(data, run_dir=run, callbacks=[("step", stop)], **settings(tiny_model, tracking__trackers=["csv"]))
    points = held.in_csv(run)
    assert {step for _, step, _ in points} == {1, 2, 3, 4}, "the file does not have step 5 yet"
    assert not any(name.startswith("test/") for name, _, _ in points)


def test_a_tracker_that_is_missing_stops_a_training_before_it_begins_but_not_a_resumed_one(
    data: Path, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(tiny_model, tracking__trackers=["csv", "nobody"])
    for start in (train, plan):
        with pytest.raises(UsageError, match="no tracker 'nobody'"):
            start(data, run_dir=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()
    recipe, console = Recipe.build({"tracking": {"trackers": ["csv", "nobody"]}}), Listener()
    assert list(tracked.still_there(Run(tmp_path / "run"), recipe, console)) == ["csv"]
    assert "no tracker 'nobody'" in console.warned[0] and "luthier track" in console.warned[0]


def test_a_run_of_an_earlier_version_goes_by_its_name(tmp_path: Path) -> None:
    about = tracked.describe(Run(tmp_path / "k3f9"), Recipe.build({"tracking": {"run_name": "best", "tags": "a"}}))
    assert (about.id, about.name, about.tags, about.project) == ("k3f9", "best", ["a"], None)
