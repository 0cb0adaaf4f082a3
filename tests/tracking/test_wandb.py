"""The tracker `wandb`, offline: what it writes is read with its own protocol buffers."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from luthier.errors import UsageError
from luthier.tracking.base import Point
from luthier.tracking.wandb import WandbTracker
from tests.tracking.held import POINTS, in_wandb, of, run, wandb_records

wandb = pytest.importorskip("wandb")


@pytest.fixture(autouse=True)
def torn_down() -> Iterator[None]:
    """Later tests fork this process, and two processes must not share one of Weights & Biases."""
    yield
    wandb.teardown()


def written() -> None:
    """Wait for the process of Weights & Biases, which writes the last rows after the end; and for the next second,
    since its directories are named by the second."""
    wandb.teardown()
    time.sleep(1 - time.time() % 1)


def test_takes_every_point_and_says_what_it_holds(tmp_path: Path) -> None:
    tracker = WandbTracker()
    assert tracker.begin(run(tmp_path)) == {}
    tracker.points(POINTS[:5])
    tracker.end("stopped")
    written()
    again = WandbTracker()
    assert {"train/loss": 3, "eval/accuracy": 1}.items() <= again.begin(run(tmp_path)).items()
    again.points(POINTS[5:])
    again.end("done")
    written()
    assert in_wandb(tmp_path) == of(POINTS)
    runs = [record.run for record in wandb_records(tmp_path) if record.run.run_id]
    assert {(one.run_id, one.display_name, one.project, tuple(one.tags)) for one in runs} == {
        ("a1b2c3", "first", "luthier", ("reviews",))
    }
    config = {item.key: json.loads(item.value_json) for item in runs[0].config.update}
    assert config["model"] == {"name": "minilm", "adapter": None} and config["environment"]["python"] == "3.11"


def test_records_that_span_blocks_and_one_that_was_cut_off(tmp_path: Path) -> None:
    tracker = WandbTracker()
    long = [Point(step, 0, 0, f"train/{'x' * 20_000}{name}", step) for step in range(5) for name in range(2)]
    tracker.begin(run(tmp_path))
    tracker.points(long)
    tracker.end("stopped")
    written()
    short = [(name[-1], step, value) for name, step, value in in_wandb(tmp_path)]
    assert short == [(name[-1], step, value) for name, step, value in of(long)]
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    file.write_bytes(file.read_bytes()[:-50_000])
    again = WandbTracker()
    held = again.begin(run(tmp_path))
    again.end("stopped")
    assert set(held.values()) - {0, 1, 2, 3} == set() and max(held.values()) > 0


def test_without_a_key_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb, "setup", lambda settings: SimpleNamespace(settings=SimpleNamespace(mode="online")))
    asked: list[dict[str, Any]] = []

    def login(**options: Any) -> bool:
        asked.append(options)
        return False

    monkeypatch.setattr(wandb, "login", login)
    with pytest.raises(UsageError, match="no API key") as error:
        WandbTracker()
    assert "WANDB_API_KEY" in error.value.hint and "WANDB_MODE=offline" in error.value.hint
    assert asked[0]["prompt"] is False


def test_online_it_asks_the_server_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"step": 4, "train/loss": 0.5, "_step": 0}, {"step": 6, "train/loss": 0.4, "_step": 1}, {"_step": 2}]
    server = SimpleNamespace(run=lambda path: SimpleNamespace(scan_history=lambda: rows))
    monkeypatch.setattr(wandb, "Api", lambda: server)
    tracker = WandbTracker()
    tracker._online = True
    first = SimpleNamespace(path="me/luthier/a1b2c3", resumed=False, define_metric=lambda *args, **options: None)
    monkeypatch.setattr(wandb, "init", lambda **options: first)
    assert tracker.begin(run(tmp_path)) == {}
    first.resumed = True
    assert tracker.begin(run(tmp_path))["train/loss"] == 6
