"""The tracker `tensorboard`, read by TensorBoard's own reader."""

import struct
from pathlib import Path

import pytest

from luthier.tracking.tensorboard import TensorBoardTracker
from tests.tracking.held import POINTS, Held, in_tensorboard, of, run


def single(held: Held) -> Held:
    """TensorBoard keeps floats of 32 bits."""
    return [(name, step, repr(struct.unpack("f", struct.pack("f", float(value)))[0])) for name, step, value in held]


def test_takes_every_point_and_says_what_it_holds(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    tracker = TensorBoardTracker()
    assert tracker.begin(run(tmp_path)) == {}
    tracker.points(POINTS[:5])
    (file,) = (tmp_path / "tensorboard").iterdir()
    with file.open("ab") as cut:
        cut.write(b"\x18\x00\x00")  # killed while it wrote
    again = TensorBoardTracker()
    assert {"train/loss": 3, "eval/accuracy": 1}.items() <= again.begin(run(tmp_path)).items()
    again.points(POINTS[5:])
    again.artefacts([tmp_path])
    again.end("done")
    assert in_tensorboard(tmp_path) == single(of(POINTS))


def test_the_recipe_and_the_environment_are_texts(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tracker = TensorBoardTracker()
    tracker.begin(run(tmp_path))
    tracker.end("stopped")
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    texts = {name: events.Tensors(f"{name}/text_summary")[0].tensor_proto.string_val[0].decode() for name in TEXTS}
    assert '"adapter": null' in texts["recipe"] and '"torch": "2"' in texts["environment"]
    assert '"reviews"' in texts["run"]


TEXTS = ("run", "recipe", "environment")
