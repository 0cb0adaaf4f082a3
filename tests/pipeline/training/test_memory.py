"""The estimate of memory: exact where it can be, the same as a run of the whole batch, and without a trace."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from luthier.engines import engine_named
from luthier.engines.base import Training
from luthier.engines.checkpoints import random_state
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training import memory
from luthier.pipeline.training.assemble import assemble
from luthier.pipeline.training.memory import MemoryEstimate, estimate_memory, optimizer_bytes
from tests.engines.helpers import OPTIMIZERS, prepared_data, same_weights, weights, with_settings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    return prepared_data(tmp_path_factory.mktemp("memory"), tiny_model, n=43)


def estimated(training: Training) -> MemoryEstimate:
    estimate = estimate_memory(training)
    assert estimate is not None
    return estimate


def with_state(data: Prepared, **settings: Any) -> Training:
    """A training after two steps."""
    training = assemble(with_settings(data, training__max_steps=2, **settings))
    engine_named("loop")(training, lambda step: False)
    return training


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_state_of_every_optimizer_is_known_before_its_first_step(data: Prepared, optimizer: str) -> None:
    before = optimizer_bytes(assemble(with_settings(data, training__optimizer=optimizer)).optimizer)
    assert 0 < before == optimizer_bytes(with_state(data, training__optimizer=optimizer).optimizer)


def test_the_state_of_a_large_parameter_is_known_from_a_part_of_it() -> None:
    weight = torch.nn.Parameter(torch.zeros(3000, 100))
    adam = torch.optim.AdamW([weight], lr=0.1)
    assert optimizer_bytes(adam) == pytest.approx(2 * 4 * weight.numel(), rel=1e-5)
    assert not adam.state and weight.grad is None


@pytest.mark.parametrize("settings", [{}, {"training__gradient_checkpointing": True}, {"training__precision": "bf16"}])
def test_few_rows_tell_the_memory_of_all(data: Prepared, settings: dict[str, Any]) -> None:
    """Two and three rows give the peak of the whole micro-batch, as running it shows."""
    training = assemble(with_settings(data, training__batch_size=9, **settings))
    found = estimated(training)
    assert found.rows == 9 and found.tokens in training.plan.lengths
    step = memory._largest_step(training)
    (batch,) = memory.train_loader(training.plan, training.rows, training.collate, start=step, stop=step + 1)
    peak = max(memory._course(training, batch.tensors))
    besides = found.weights + found.optimizer_state + found.overhead
    assert found.total - besides == pytest.approx(peak, rel=0.05)  # rows differ in length
    assert bool(found.overhead) != training.recipe.gradient_checkpointing


def test_the_passes_that_are_compared_have_the_same_operations(tmp_path: Path, tiny_model: Path) -> None:
    """The first pass that is profiled in a process has fewer than others."""
    program = """if True:
        import sys
        from pathlib import Path
        from luthier.pipeline.training import memory
        from luthier.pipeline.training.assemble import assemble
        from tests.engines.helpers import prepared_data
        course, lengths = memory._course, []
        def noted(*given):
            lengths.append(len(found := course(*given)))
            return found
        memory._course = noted
        memory.estimate_memory(assemble(prepared_data(Path(sys.argv[1]), Path(sys.argv[2]), n=43)))
        print(*lengths)
    """
    command = [sys.executable, "-c", program, str(tmp_path), str(tiny_model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, two_rows, three_rows = done.stdout.split()
    assert two_rows == three_rows


def test_gradients_are_those_of_trainable_parameters(data: Prepared) -> None:
    whole, frozen = (estimated(assemble(with_settings(data, model__freeze=names))) for names in ([], ["bert.*"]))
    assert whole.gradients == pytest.approx(whole.weights, rel=0.02)
    assert frozen.weights == whole.weights and frozen.gradients < whole.gradients / 50
    assert frozen.optimizer_state < whole.optimizer_state / 50 and frozen.activations < whole.activations / 1.5


def test_checkpointing_and_smaller_micro_batches_need_less(data: Prepared) -> None:
    whole = estimated(assemble(data))
    assert estimated(assemble(with_settings(data, training__gradient_checkpointing=True))).total < whole.total
    parts = estimated(assemble(with_settings(data, training__gradient_accumulation_steps=4)))
    assert parts.rows == 4 and parts.activations < whole.activations / 2
    one = estimated(assemble(with_settings(data, training__gradient_accumulation_steps=16)))
    assert one.rows == 1 and one.activations < parts.activations


def test_an_estimate_leaves_no_trace(data: Prepared) -> None:
    training = assemble(with_settings(data, model__dropout=0.2))
    before, randomness = weights(training.model), random_state(training.device)
    estimated(training)
    assert same_weights(before, weights(training.model)) and not training.optimizer.state
    assert torch.equal(random_state(training.device)["torch"], randomness["torch"])
    assert all(parameter.grad is None for parameter in training.model.parameters())


def test_too_little_memory_for_an_estimate_is_no_error(data: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(memory, "_course", full)
    assert estimate_memory(assemble(data)) is None


def test_an_estimate_is_told_in_a_line() -> None:
    estimate = MemoryEstimate(540_000_000, 540_000_000, 1_080_000_000, 300_000_000, 0, 2_160_000_000, 16, 128)
    assert str(estimate) == (
        "about 2.2 GB (weights 540 MB, gradients 540 MB, optimizer state 1.1 GB, activations 300 MB for 16 rows of 128"
        " tokens)"
    )
    assert estimate.to_dict()["total"] == 2_160_000_000
