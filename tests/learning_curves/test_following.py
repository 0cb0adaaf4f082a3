"""Snapshots of a run that another process trains."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from luthier.learning_curves.following import Follower
from luthier.learning_curves.record import CurveWriter
from luthier.recipe import Recipe
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_json, write_text
from luthier.storage.lock import OWNER


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that this process trains; its recipe is not written yet."""
    made = Run.create(tmp_path / "my run")
    write_text(made.path / OWNER, f"process {os.getpid()} on {socket.gethostname()}")
    return made


def train(run: Run, steps: range, clock: pytest.MonkeyPatch) -> None:
    """Two seconds a step, 40 steps an epoch, an evaluation every 20 steps."""
    length = run.curves_file.stat().st_size if run.curves_file.exists() else 0
    with closing(CurveWriter(run.curves_file, length)) as writer:
        for step in steps:
            clock.setattr("time.time", lambda at=1000.0 + 2 * step: at)
            values = {"train/loss": 1 / step, "train/tokens_per_second": 1500.0}
            writer.add(step, step / 40, values | ({"eval/loss": 2 / step} if step % 20 == 0 else {}))


def test_a_run_is_followed_from_its_data_to_its_result(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(run)
    first = follower.look()
    assert (first.life.state, first.step, first.total_steps, first.findings) == ("preparing", 0, None, ())
    assert (first.seconds_left, first.last_sign, first.name) == (None, None, "my run")

    write_text(run.recipe_file, Recipe.build({"data": {"train": ["a.csv"]}}).to_toml())
    train(run, range(1, 31), monkeypatch)
    second = follower.look()
    assert (second.life.state, second.step, second.total_steps) == ("running", 30, 120)
    assert second.seconds_left == pytest.approx(2 * 90)
    assert second.last_sign == 1060.0
    assert not any(finding.severity != "info" for finding in second.findings), "it is too early to tell"

    train(run, range(31, 121), monkeypatch)
    write_json(run.result_file, {})
    last = follower.look()
    assert (last.life.state, last.step, last.seconds_left) == ("done", 120, None)
    assert last.facts.ended and last.findings
    assert last.to_dict()["run"] == str(run.path) and last.to_dict()["total_steps"] == 120


def test_steps_that_a_time_limit_planned_again_are_seen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(run)
    training: dict[str, object] = {"max_time": "10m", "planned_steps": 100}
    for last, replanned, total in ((19, [], 100), (39, [[20, 110]], 110), (61, [[20, 110], [42, 90]], 90)):
        given = {"data": {"train": ["a.csv"]}, "training": training | {"replanned": replanned}}
        write_text(run.recipe_file, Recipe.build(given).to_toml())
        train(run, range(max(1, last - 20), last + 1), monkeypatch)
        assert follower.look().total_steps == total
