"""The tracker `csv`: a line a point, without those that it holds and what a kill cut off."""

from pathlib import Path

import pytest

from luthier.errors import ResourceError
from luthier.storage import disk
from luthier.tracking.csv import CsvTracker
from tests.tracking.held import POINTS, in_csv, of, run


def test_takes_every_point_and_says_what_it_holds(tmp_path: Path) -> None:
    tracker = CsvTracker()
    assert tracker.begin(run(tmp_path)) == {}
    tracker.points(POINTS[:5])
    with (tmp_path / "curves.csv").open("a") as file:
        file.write("9,0.1")  # killed while it wrote
    again = CsvTracker()
    assert again.begin(run(tmp_path)) == {"train/loss": 3, "eval/accuracy": 1}
    again.points(POINTS[5:])
    again.artefacts([tmp_path])
    again.end("done")
    assert in_csv(tmp_path) == of(POINTS)
    assert (tmp_path / "curves.csv").read_text().startswith("step,epoch,time,name,value\n0,0.0,1700000000.0,train/loss")


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = CsvTracker()
    tracker.begin(run(tmp_path))

    def full(operation: str, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "before_change", full)
    with pytest.raises(ResourceError, match="No space left"):
        tracker.points(POINTS)
