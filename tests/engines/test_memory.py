"""A step that runs out of memory halves the micro-batches: same batch, same losses, also after a resume."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from luthier.data.batches import Batch
from luthier.engines import checkpoints, engine_named
from luthier.engines.base import Training
from luthier.engines.events import Events, MicroBatchHalved, Stop
from luthier.engines.memory import attempt, is_out_of_memory
from luthier.engines.objective import Objective
from luthier.errors import ResourceError
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from tests.engines.helpers import ENGINES, Trace, loss_gap, prepared_data, run_steps, weight_gap, with_settings

TOLERANCE = 1e-5
NO_MEMORY = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"
SETTINGS: dict[str, Any] = {"training__max_steps": 8, "training__epochs": 4.0, "training__learning_rate": 1e-3}


class Limited(Objective):
    """An objective that runs out of memory above a number of rows, in the backward pass if asked to.

    It draws a random number before, as dropout would.
    """

    def __init__(self, objective: Objective, rows: int, *, late: bool = False) -> None:
        super().__init__(objective.loss_sum)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "late", late)
        object.__setattr__(self, "sizes", [])

    def __call__(self, model: torch.nn.Module, batch: Batch) -> tuple[Any, Tensor | None]:
        n = len(batch["labels"])
        self.sizes.append(n)  # type: ignore[attr-defined]
        torch.rand(3)
        if n <= self.rows:  # type: ignore[attr-defined]
            return super().__call__(model, batch)
        if not self.late:  # type: ignore[attr-defined]
            raise RuntimeError(NO_MEMORY)
        outputs, loss = super().__call__(model, batch)
        assert loss is not None
        loss.register_hook(_no_memory)
        return outputs, loss


def _no_memory(gradient: Tensor) -> None:
    raise RuntimeError(NO_MEMORY)


def limited(rows: int, **options: Any) -> Callable[[Training], None]:
    def change(training: Training) -> None:
        training.objective = Limited(training.objective, rows, **options)

    return change


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    """43 rows in batches of 16: an epoch ends with a batch of 11."""
    return prepared_data(tmp_path_factory.mktemp("memory"), tiny_model, n=43)


def traced(data: Prepared, engine: str, change: Callable[[Training], None] | None = None, **more: Any) -> Trace:
    return run_steps(data, change or (lambda training: None), training__engine=engine, **SETTINGS | more)[0]


@pytest.mark.parametrize("late", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_that_runs_out_of_memory_begins_again_in_halves(data: Prepared, engine: str, late: bool) -> None:
    whole = traced(data, engine)
    found, training = run_steps(data, limited(5, late=late), training__engine=engine, **SETTINGS)
    assert training.plan.parts == training.state.parts == 4
    assert training.recipe.gradient_accumulation_steps == 1, "the recipe is unchanged"
    assert training.state.step == 8 and found.rates == whole.rates
    assert loss_gap(whole, found) <= TOLERANCE and weight_gap(whole, found) <= TOLERANCE
    sizes = training.objective.sizes  # type: ignore[attr-defined]
    assert [n for n in sizes if n > 5] == [16, 8], "after two failures, no micro-batch is too large"
    assert len(sizes) == 2 + 8 * 4


@pytest.mark.parametrize("engine", ENGINES)
def test_the_second_micro_batch_may_run_out_of_memory_as_well(data: Prepared, engine: str) -> None:
    """Then the gradients of the first one are dropped."""
    calls = []

    def change(training: Training) -> None:
        inner = training.objective

        class Second(Objective):
            def __call__(self, model: torch.nn.Module, batch: Batch) -> tuple[Any, Tensor | None]:
                calls.append(len(batch["labels"]))
                if len(calls) == 6:
                    raise RuntimeError(NO_MEMORY)
                return inner(model, batch)

        training.objective = Second()

    whole = traced(data, engine, training__gradient_accumulation_steps=2)
    found = traced(data, engine, change, training__gradient_accumulation_steps=2)
    assert len(calls) == 2 * 2 + 2 + 6 * 4
    assert loss_gap(whole, found) <= TOLERANCE and weight_gap(whole, found) <= TOLERANCE


@pytest.mark.parametrize("engine", ENGINES)
def test_the_step_begins_again_from_its_random_state(data: Prepared, engine: str) -> None:
    """With dropout: as if the micro-batches had had this size from the first step."""
    more: dict[str, Any] = {"model__dropout": 0.2}
    halves = traced(data, engine, limited(100), training__gradient_accumulation_steps=2, **more)
    found = traced(data, engine, limited(8), **more)
    assert found.losses == halves.losses
    assert weight_gap(found, halves) == 0
    assert loss_gap(traced(data, engine, limited(100), **more), halves) > 1e-3, "other shapes draw other numbers"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resume_keeps_the_micro_batches(data: Prepared, engine: str, tmp_path: Path) -> None:
    settings = SETTINGS | {"training__engine": engine, "model__dropout": 0.2}
    whole, _ = run_steps(data, limited(5), **settings)
    prepared = with_settings(data, **settings)
    first = assemble(prepared)
    limited(5)(first)
    engine_named(engine)(first, lambda step: step.step == 3)
    saved = checkpoints.save(first, tmp_path, {}, 1)

    again, rest = assemble(prepared), Trace()
    limited(5)(again)
    checkpoints.restore(again, saved)
    assert again.plan.parts == again.state.parts == 4
    engine_named(engine)(again, lambda step: rest.losses.append(float(step.loss)) or False)
    assert rest.losses == whole.losses[3:]
    assert max(again.objective.sizes) <= 4, "nothing runs out of memory again"  # type: ignore[attr-defined]


def test_a_checkpoint_of_an_earlier_version_has_the_micro_batches_of_the_recipe(data: Prepared, tmp_path: Path) -> None:
    training = assemble(with_settings(data, training__gradient_accumulation_steps=2))
    saved = checkpoints.save(training, tmp_path, {}, 1)
    state = json.loads((saved.path / checkpoints.STATE).read_text())
    assert state.pop("parts") is None
    (saved.path / checkpoints.STATE).write_text(json.dumps(state))
    checkpoints.restore(training, saved)
    assert training.plan.parts == 2 and training.state.parts is None


@pytest.mark.parametrize("engine", ENGINES)
def test_one_row_that_does_not_fit_is_an_error_that_says_what_to_do(data: Prepared, engine: str) -> None:
    with pytest.raises(ResourceError, match="out of memory in step 1, with one row in a micro-batch") as caught:
        traced(data, engine, limited(0))
    assert "max_length" in caught.value.hint and "gradient_checkpointing" in caught.value.hint


@pytest.mark.parametrize("engine", ENGINES)
def test_other_errors_are_not_taken_for_it(data: Prepared, engine: str) -> None:
    def change(training: Training) -> None:
        training.objective = Objective(lambda outputs, batch: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        traced(data, engine, change)


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_that_lacks_elsewhere_does_not_halve(data: Prepared, engine: str) -> None:
    def change(training: Training) -> None:
        def full(*_: Any) -> None:
            raise RuntimeError(NO_MEMORY)

        training.optimizer.register_step_pre_hook(full)

    with pytest.raises(RuntimeError, match="can't allocate memory"):
        traced(data, engine, change)


@pytest.mark.parametrize("engine", ENGINES)
def test_listeners_are_told_and_may_stop_the_training(data: Prepared, engine: str) -> None:
    told: list[MicroBatchHalved] = []

    def listener(event: MicroBatchHalved) -> Stop | None:
        told.append(event)
        return Stop("too small") if event.rows == 4 else None

    events = Events.listening([("micro_batch", listener)])
    training = assemble(with_settings(data, training__engine=engine, **SETTINGS))
    limited(5)(training)
    engine_named(engine)(training, lambda step: bool(training.state.stopped), events)
    first, second = told
    assert (first.before, first.rows, first.parts) == (16, 8, 2)
    assert (second.before, second.rows, second.parts) == (8, 4, 4)
    assert training.state.stopped == "too small" and training.state.step == second.step


def test_what_counts_as_out_of_memory() -> None:
    for error in (RuntimeError(NO_MEMORY), MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to")):
        assert is_out_of_memory(error)
    for other in (RuntimeError("shape mismatch"), ValueError("out of memory."), KeyboardInterrupt()):
        assert not is_out_of_memory(other)
    assert attempt(lambda: 3) == 3
    with pytest.raises(RuntimeError, match="size of tensor"):
        attempt(lambda: torch.zeros(2) + torch.zeros(3))
