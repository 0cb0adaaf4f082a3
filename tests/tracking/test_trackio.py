"""The tracker `trackio`, read from its database."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.tracking.held import POINTS, in_trackio, of, run

trackio = pytest.importorskip("trackio")  # its pins exclude those of constraints.txt (pillow)


def test_takes_every_point_and_says_what_it_holds(tmp_path: Path) -> None:
    from luthier.tracking.trackio import TrackioTracker

    tracker = TrackioTracker()
    assert tracker.begin(run(tmp_path)) == {}
    tracker.points(POINTS[:5])
    again = TrackioTracker()
    assert again.begin(run(tmp_path)) == {"train/loss": 3, "eval/accuracy": 1}
    again.points(POINTS[5:])
    again.artefacts([tmp_path])
    again.end("done")
    database = tmp_path / "trackio" / "luthier.db"
    assert in_trackio(database, "a1b2c3") == of(POINTS)
    (config,) = sqlite3.connect(database).execute("SELECT config FROM configs").fetchone()
    assert json.loads(config)["model"]["name"] == "minilm"
