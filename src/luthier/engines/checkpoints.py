"""Atomic checkpoints, verified by checksum before they are loaded.

They hold the weights that learn. What is frozen follows from the recipe, and the fingerprint has its digest.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from luthier import processes
from luthier.engines.averages import averages
from luthier.engines.base import Training, TrainState, check_weights
from luthier.errors import DamagedError, FingerprintError
from luthier.models.learned import learned, load_learned
from luthier.storage.atomic import remove_directory, write_directory
from luthier.storage.checksums import verify

RandomState = Mapping[str, Any]
MODEL, STATE, TENSORS, FINGERPRINT = "model.safetensors", "state.json", "tensors.pt", "fingerprint.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint directory, `step-000120`."""

    path: Path

    @property
    def step(self) -> int:
        return int(self.path.name.removeprefix("step-"))


def save(training: Training, directory: Path, fingerprint: Mapping[str, Any], keep: int) -> Checkpoint:
    """Write a checkpoint atomically, then delete the oldest ones beyond `keep`, except the best ones.

    Every process must call this, because each has its own random state to save; rank 0 writes.

    Args:
        training: The training to save.
        directory: The run's `checkpoints`.
        fingerprint: What determines the result of the run; compared on resume.
        keep: Newest checkpoints to keep, besides those of the best steps.
    Raises:
        NonFiniteError: A weight is nan or infinite; nothing is written.
        ResourceError: The disk is full or cannot be written; earlier checkpoints are unchanged.
    """
    check_weights(training)
    target = directory / f"step-{training.state.step:06d}"
    tensors = {
        "optimizer": training.optimizer.state_dict(),
        "scheduler": training.scheduler.state_dict(),
        "scaler": training.scaler.state_dict() if training.scaler else None,
        "ema": training.ema.state_dict() if training.ema else None,
        "random": processes.gather(random_state(training.device)),
    }
    if not processes.is_main():
        return Checkpoint(target)

    def fill(aside: Path) -> None:
        save_file({name: tensor.contiguous() for name, tensor in learned(training.model).items()}, aside / MODEL)
        torch.save(tensors, aside / TENSORS)

    texts = {
        STATE: json.dumps(training.state.to_dict()),
        FINGERPRINT: json.dumps(fingerprint, default=str, sort_keys=True),
    }
    write_directory(target, fill, texts)
    for old in list_checkpoints(directory)[:-keep]:
        if old.step not in training.state.best_steps:
            remove_directory(old.path)
    return Checkpoint(target)


def restore(training: Training, checkpoint: Checkpoint) -> None:
    """Restore a training from a checkpoint that `newest_whole` has verified."""
    _read_weights(training.model, checkpoint)
    tensors = _tensors(checkpoint)
    training.optimizer.load_state_dict(tensors["optimizer"])
    training.scheduler.load_state_dict(tensors["scheduler"])
    training.scaler_state = tensors["scaler"]
    if training.ema is not None:
        training.ema.load_state_dict(tensors["ema"])
    training.state = TrainState(**json.loads((checkpoint.path / STATE).read_text(encoding="utf-8")))
    if training.state.parts is not None:
        training.use_parts(training.state.parts)
    if training.recipe.replanned:
        training.end_with(training.recipe.total_steps(training.plan.steps_per_epoch, training.state.step))
    set_random_state(tensors["random"][processes.rank()], training.device)


def load_weights(training: Training, checkpoint: Checkpoint) -> None:
    """Verify a checkpoint and load its weights, their moving average, and what the optimizer needs to average them.

    Raises:
        DamagedError: A file of it does not match its checksum, or the weights cannot be read.
    """
    verify(checkpoint.path)
    _read_weights(training.model, checkpoint)
    if averages(training.optimizer):
        training.optimizer.load_state_dict(_tensors(checkpoint)["optimizer"])
    if training.ema is not None:
        training.ema.load_state_dict(_tensors(checkpoint)["ema"])


def _tensors(checkpoint: Checkpoint) -> dict[str, Any]:
    return torch.load(checkpoint.path / TENSORS, map_location="cpu", weights_only=True)


def _read_weights(model: torch.nn.Module, checkpoint: Checkpoint) -> None:
    where = str(checkpoint.path / MODEL)
    try:
        tensors = load_file(where)
        load_learned(model, tensors)
    except (SafetensorError, RuntimeError) as error:
        raise DamagedError(f"the weights cannot be read: {error}", where=where) from None
    missing = learned(model).keys() - tensors.keys()
    if missing:
        raise DamagedError(f"the weights cannot be read: {min(missing)} is missing", where=where)


def list_checkpoints(directory: Path) -> list[Checkpoint]:
    """The checkpoints of a run by step, intact or not."""
    found = [path for path in directory.glob("step-*") if path.name.removeprefix("step-").isdigit()]
    return sorted((Checkpoint(path) for path in found), key=lambda checkpoint: checkpoint.step)


def newest_whole(directory: Path) -> tuple[Checkpoint | None, list[DamagedError]]:
    """The newest checkpoint whose files all match their checksums, and the errors of newer ones."""
    damaged: list[DamagedError] = []
    for checkpoint in reversed(list_checkpoints(directory)):
        try:
            verify(checkpoint.path)
        except DamagedError as error:
            damaged.append(error)
        else:
            return checkpoint, damaged
    return None, damaged


def check_fingerprint(checkpoint: Checkpoint, now: Mapping[str, Any]) -> None:
    """Refuse to resume from a checkpoint of another run.

    Raises:
        FingerprintError: Something that affects the result differs; the message shows old and new values.
    """
    then = json.loads((checkpoint.path / FINGERPRINT).read_text(encoding="utf-8"))
    changed = differences(then, now)
    if changed:
        raise FingerprintError(
            f"the run's inputs have changed since step {checkpoint.step}: {changed}",
            where=str(checkpoint.path),
            hint="change it back, or start a new run with `luthier train RECIPE`",
        )


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first five keys in which two fingerprints differ, with their values; empty if there are none."""
    then, now = (json.loads(json.dumps(value, default=str)) for value in (then, now))
    changed = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
    return "; ".join(f"{key}: {then.get(key)} -> {now.get(key)}" for key in changed[:5])


def random_state(device: torch.device) -> RandomState:
    """The state of every random generator used in training, in types that `torch.load(weights_only=True)` reads."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(keys, dtype=np.int64)), position, has_gauss, cached),
        "torch": torch.get_rng_state(),
        "device": None if device.type == "cpu" else torch.get_device_module(device).get_rng_state(device),
    }


def set_random_state(state: RandomState, device: torch.device) -> None:
    """Restore every random generator to a state from `random_state`."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state["device"], device)
