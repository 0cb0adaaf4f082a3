"""A checkpoint holds everything, is read by others, and comes back bit for bit."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from luthier.engines import checkpoints, engine_named
from luthier.engines.base import Training
from luthier.errors import DamagedError, FingerprintError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from tests.engines.helpers import ENGINES, OPTIMIZERS, prepared_data, same_weights, weights, with_settings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return with_settings(prepared_data(tmp_path_factory.mktemp("data"), tiny_model, n=40), model__dropout=0.2)


def started(data: Prepared, engine: str = "loop", stop_after: int = 4) -> Training:
    training = assemble(with_settings(data, training__engine=engine, training__epochs=4.0))
    engine_named(engine)(training, lambda step: step.step == stop_after)
    return training


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("resumed_by", ENGINES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_restored_training_goes_on_bit_for_bit_with_dropout(
    data: Prepared, tmp_path: Path, engine: str, resumed_by: str, optimizer: str
) -> None:
    """In the middle of an epoch, in either engine, and even from one engine to the other."""
    schedule = "constant" if optimizer == "adamw_schedule_free" else "linear"
    rates = {"training__learning_rate": 1e-3, "training__lr_scheduler_type": schedule}
    data = with_settings(data, training__optimizer=optimizer, **rates)
    uninterrupted = started(data, engine, stop_after=12)
    training = started(data, engine)
    assert training.state.step == 4
    saved = checkpoints.save(training, tmp_path, {}, keep=2)
    torch.manual_seed(99)  # whatever happened in between
    random.seed(99)
    np.random.seed(99)
    other = assemble(with_settings(data, training__engine=resumed_by, training__epochs=4.0))
    checkpoints.restore(other, saved)
    engine_named(resumed_by)(other, lambda step: False)
    assert other.state.step == uninterrupted.state.step == 12
    assert same_weights(weights(other.model), weights(uninterrupted.model))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_restored_training_with_r_drop_goes_on_bit_for_bit(data: Prepared, tmp_path: Path, engine: str) -> None:
    data = with_settings(data, training__r_drop_alpha=1.0, training__learning_rate=1e-3)
    uninterrupted, training = started(data, engine, stop_after=8), started(data, engine)
    saved = checkpoints.save(training, tmp_path, {}, keep=2)
    other = assemble(with_settings(data, training__engine=engine, training__epochs=4.0))
    checkpoints.restore(other, saved)
    engine_named(engine)(other, lambda step: step.step == 8)
    assert same_weights(weights(other.model), weights(uninterrupted.model))


def test_the_weights_can_be_read_by_anybody(data: Prepared, tmp_path: Path) -> None:
    training = started(data)
    saved = checkpoints.save(training, tmp_path, {}, keep=2)
    assert same_weights(load_file(saved.path / "model.safetensors"), weights(training.model))
    manifest = json.loads((saved.path / "manifest.json").read_text())
    assert set(manifest) == {"model.safetensors", "state.json", "tensors.pt", "fingerprint.json"}
    assert json.loads((saved.path / "state.json").read_text())["step"] == 4


def test_every_random_state_comes_back() -> None:
    state = checkpoints.random_state(torch.device("cpu"))
    drawn = (random.random(), np.random.rand(), torch.rand(1).item())
    checkpoints.set_random_state(state, torch.device("cpu"))
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == drawn


def test_the_newest_and_the_best_are_kept(data: Prepared, tmp_path: Path) -> None:
    training = started(data)
    for step in range(1, 8):
        training.state.step = step
        training.state.best_step = min(step, 2)
        checkpoints.save(training, tmp_path, {}, keep=3)
    assert [found.step for found in checkpoints.list_checkpoints(tmp_path)] == [2, 5, 6, 7]
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_checkpoints_are_ordered_by_step_and_not_by_name_or_time(tmp_path: Path) -> None:
    for name in ("step-1000000", "step-000999", "step-000002", "step-old", "other"):
        (tmp_path / name).mkdir()
    assert [found.step for found in checkpoints.list_checkpoints(tmp_path)] == [2, 999, 1_000_000]


def test_weights_of_a_damaged_checkpoint_are_never_loaded(data: Prepared, tmp_path: Path) -> None:
    """The best checkpoint is not the newest one: it too must be verified before it is exported."""
    training = started(data)
    saved = checkpoints.save(training, tmp_path, {}, keep=2)
    content = bytearray((saved.path / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (saved.path / "model.safetensors").write_bytes(content)
    before = weights(training.model)
    with pytest.raises(DamagedError) as caught:
        checkpoints.load_weights(training, saved)
    assert caught.value.where.endswith("step-000004/model.safetensors")
    assert same_weights(before, weights(training.model))


def test_a_changed_fingerprint_is_refused_with_old_and_new(data: Prepared, tmp_path: Path) -> None:
    saved = checkpoints.save(started(data), tmp_path, {"seed": 1, "data": ["a"], "kept": 2.0}, keep=2)
    checkpoints.check_fingerprint(saved, {"seed": 1, "data": ["a"], "kept": 2.0})
    with pytest.raises(FingerprintError, match=r"data: \['a'\] -> \['b'\]; new: None -> 3; seed: 1 -> 2"):
        checkpoints.check_fingerprint(saved, {"seed": 2, "data": ["b"], "kept": 2.0, "new": 3})
