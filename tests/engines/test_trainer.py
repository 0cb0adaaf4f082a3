"""The Hugging Face `Trainer` as an engine: the same steps, no output, no files, no random draws."""

from pathlib import Path
from typing import Any

import pytest
import torch

from luthier.engines import trainer
from luthier.engines.base import Step, Training
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from tests.engines.helpers import prepared_data, run_steps, same_weights, with_settings

STEPS, PARTS = 3, 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    """40 rows in batches of 8: 5 steps per epoch."""
    more: dict[str, Any] = {"training.batch_size": 8}
    return prepared_data(tmp_path_factory.mktemp("trainer"), tiny_model, n=40, **more)


def training_of(data: Prepared, **settings: object) -> Training:
    return assemble(with_settings(data, training__max_steps=5, **settings))


def test_each_step_is_one_of_the_plan(data: Prepared) -> None:
    training = training_of(data, training__gradient_accumulation_steps=2)
    told: list[Step] = []

    def on_step(step: Step) -> bool:
        assert training.state.step == step.step, "the state is already updated"
        told.append(step)
        return False

    trainer.run(training, on_step)
    assert [step.step for step in told] == [1, 2, 3, 4, 5]
    for step in told:
        rows = training.plan.rows(step.step - 1)
        assert step.tokens == sum(len(training.rows[int(row)]["input_ids"]) for row in rows)
        assert step.loss.shape == step.healthy.shape == () and bool(step.healthy)
        assert float(step.grad_norm) > 0
    assert [step.learning_rate for step in told] == pytest.approx([5e-5 * (5 - n) / 5 for n in range(5)])


def test_it_continues_after_the_completed_steps(data: Prepared) -> None:
    training, told = training_of(data), list[int]()
    training.state.step = 3

    def on_step(step: Step) -> bool:
        told.append(step.step)
        return False

    trainer.run(training, on_step)
    assert told == [4, 5]


def test_it_prints_nothing_and_leaves_no_files(
    data: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    training = training_of(data)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trainer.run(training, lambda step: False)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_random_state_is_that_before_the_trainer_was_made(data: Prepared) -> None:
    """A `Trainer` reseeds all generators, so that dropout would be the same for every seed."""
    training = training_of(data)
    seen: list[torch.Tensor] = []
    training.model.register_forward_pre_hook(lambda *_: seen.append(torch.get_rng_state()))
    torch.manual_seed(1234)
    before = torch.get_rng_state()
    trainer.run(training, lambda step: True)
    assert torch.equal(seen[0], before)


def test_it_does_not_need_a_model_that_takes_loss_arguments(data: Prepared) -> None:
    """Such a model is given no `num_items_in_batch`, and the `Trainer` would divide the loss once more."""
    settings: dict[str, Any] = {
        "training__engine": "trainer",
        "training__gradient_accumulation_steps": PARTS,
        "training__max_steps": STEPS,
    }

    def takes_none(training: Training) -> None:
        model: Any = training.model
        model.accepts_loss_kwargs = False

    found, plain = run_steps(data, takes_none, **settings)[0], run_steps(data, **settings)[0]
    assert len(found.losses) == STEPS and found.losses == plain.losses
    assert same_weights(found.weights, plain.weights)
