"""The training loop: a generator of optimizer steps, independent of earlier runs in the process."""

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import GradientState

from luthier.engines.base import Training
from luthier.engines.loop import new_accelerator, run, steps
from luthier.errors import UsageError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from tests.engines.helpers import prepared_data, same_weights, weights, with_settings


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    """40 rows in batches of 8: 5 steps per epoch."""
    more: dict[str, Any] = {"training.batch_size": 8}
    return prepared_data(tmp_path_factory.mktemp("loop"), tiny_model, n=40, **more)


def training_of(data: Prepared, **settings: object) -> Training:
    return assemble(with_settings(data, training__max_steps=5, **settings))


def test_each_iteration_is_one_step_of_the_plan(data: Prepared) -> None:
    training = training_of(data, training__gradient_accumulation_steps=2)
    told: list[tuple[int, Any]] = []
    for step in steps(training, new_accelerator(training)):
        assert training.state.step == step.step, "the state is already updated"
        rows = training.plan.rows(step.step - 1)
        assert step.tokens == sum(len(training.rows[int(row)]["input_ids"]) for row in rows)
        assert step.padded_tokens >= step.tokens
        assert step.loss.shape == step.grad_norm.shape == step.healthy.shape == ()
        assert bool(step.healthy) and not step.loss.requires_grad
        assert all(p.grad is None for p in training.model.parameters()), "gradients are cleared"
        told.append((step.step, step.learning_rate))
    assert told == [(n + 1, pytest.approx(5e-5 * (5 - n) / 5)) for n in range(5)]
    assert training.model.training


def test_the_generator_is_lazy(data: Prepared) -> None:
    training = training_of(data)
    before = weights(training.model)
    iterator = steps(training, new_accelerator(training))
    assert training.state.step == 0 and same_weights(before, weights(training.model))
    next(iterator)
    assert training.state.step == 1 and not same_weights(before, weights(training.model))


def test_the_loop_continues_after_the_completed_steps(data: Prepared) -> None:
    training = training_of(data)
    training.state.step = 3
    assert [step.step for step in steps(training, new_accelerator(training))] == [4, 5]


def test_a_complete_training_is_unchanged(data: Prepared) -> None:
    training = training_of(data)
    training.state.step = 5
    before = weights(training.model)
    run(training, lambda step: pytest.fail("no step is left"))
    assert same_weights(before, weights(training.model))


@pytest.mark.parametrize(("precision", "mixed"), [("bf16", "bf16"), ("fp32", "no")])
def test_the_accelerator_has_the_precision_of_this_training(data: Prepared, precision: str, mixed: str) -> None:
    Accelerator(mixed_precision="no" if mixed == "bf16" else "bf16")  # an earlier training in this process
    found = new_accelerator(training_of(data, training__precision=precision))
    assert found.mixed_precision == mixed
    assert found.device == torch.device("cpu")
    assert found.gradient_accumulation_steps == 1


def test_the_accelerator_is_independent_of_an_interrupted_run(data: Prepared) -> None:
    GradientState()._set_sync_gradients(False)
    assert new_accelerator(training_of(data)).sync_gradients


def test_unconnected_processes_are_an_error_before_the_first_step(
    data: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = training_of(data)
    new_accelerator(training)  # connects this process alone
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="WORLD_SIZE is 2"):
        run(training, lambda step: False)
    assert training.state.step == 0
