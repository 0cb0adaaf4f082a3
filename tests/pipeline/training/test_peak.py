"""The measured peak is that of the training steps, and the peak of the process is not forgotten."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from luthier.engines.events import CheckpointSaved, Events, StepNumbers
from luthier.pipeline.training import peak
from luthier.pipeline.training.peak import PeakMemory

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
STEP = StepNumbers(1, 0.1, 10, 0.5, 1.0, 1e-4, 100.0)


def touched(n_bytes: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.ones(n_bytes, dtype=np.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak of a while")
def test_the_peak_is_of_the_steps_beyond_what_was_held_before_and_of_the_weights(tmp_path: Path) -> None:
    before = touched(300_000_000)  # larger than what the steps need
    del before
    meter, events = PeakMemory(CPU), Events()
    whole = meter.of_process
    meter.begin(events, weights=50_000_000)
    assert meter.of_steps is None
    held = touched(100_000_000)
    del held
    events.emit("step", STEP)
    found = meter.of_steps
    assert found is not None and 140e6 < found < 250e6
    events.emit("checkpoint", CheckpointSaved(1, tmp_path))
    more = touched(200_000_000)  # of a checkpoint, or an evaluation
    events.emit("step", STEP)
    assert meter.of_steps == found and more.size
    assert meter.of_process >= whole


def test_a_system_that_does_not_tell_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peak, "RESET", tmp_path / "none" / "clear_refs")
    meter, events = PeakMemory(CPU), Events()
    meter.begin(events, weights=0)
    events.emit("step", STEP)
    assert meter.of_steps is None and meter.of_process > 1e6


def test_a_gpu_tells_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 40)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: calls.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 70 if calls else 90)
    meter, events = PeakMemory(CUDA), Events()
    meter.begin(events, weights=30)
    events.emit("step", STEP)
    assert meter.of_steps == 60 and meter.of_process == 90
