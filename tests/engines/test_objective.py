"""The seam of forward and loss: what it computes, and that engines and inference have no other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from luthier.console import Console
from luthier.data.batches import Batch
from luthier.engines.base import Training
from luthier.engines.objective import Objective, RDrop
from luthier.pipeline.inference.infer import Asked, answer
from luthier.pipeline.preparation.prepare import Prepared
from tests.engines.helpers import ENGINES, prepared_data, run_steps, same_weights

STEPS, PARTS = 3, 4


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Prepared:
    more = {"training.max_steps": STEPS, "data.validation_share": 0.2}
    return prepared_data(tmp_path_factory.mktemp("objective"), tiny_model, **more)


@pytest.fixture
def model(tiny_model: Path) -> PreTrainedModel:
    torch.manual_seed(0)
    return AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=3).eval()


def batch_of(*labels: int) -> Batch:
    """Rows of 3 to 6 tokens, padded to 6."""
    widths = [3 + i % 4 for i in range(len(labels))]
    ids = torch.randint(5, 50, (len(labels), 6))
    mask = torch.tensor([[1] * width + [0] * (6 - width) for width in widths])
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor(labels)}


def cross_entropy(outputs: SequenceClassifierOutput, batch: Batch) -> Tensor:
    return functional.cross_entropy(outputs.logits, batch["labels"], reduction="sum")


def test_outputs_and_loss_are_those_of_a_plain_forward(model: PreTrainedModel) -> None:
    batch = batch_of(2, 0, -100, 1, 1)
    plain = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    each = -plain.logits.log_softmax(-1)[[0, 1, 3, 4], [2, 0, 1, 1]]
    outputs, loss = Objective(cross_entropy)(model, batch)
    assert torch.equal(outputs.logits, plain.logits)
    assert loss is not None and loss.shape == ()
    assert float(loss.detach()) == pytest.approx(each.sum().item(), rel=1e-6)
    assert sorted(batch) == ["attention_mask", "input_ids", "labels"], "the batch is the caller's"


def test_the_model_is_not_given_the_labels_and_the_loss_is_given_everything(model: PreTrainedModel) -> None:
    batch, seen = batch_of(1, 0), {}

    def forward(**inputs: Tensor) -> SequenceClassifierOutput:
        seen["model"] = inputs
        return SequenceClassifierOutput(logits=torch.zeros(2, 3))

    def loss_sum(outputs: Any, batch: Batch) -> Tensor:
        seen["loss"] = batch
        return cross_entropy(outputs, batch)

    Objective(loss_sum)(forward, batch)  # type: ignore[arg-type]  # called like a model
    assert sorted(seen["model"]) == ["attention_mask", "input_ids"]
    assert all(torch.equal(seen["loss"][name], tensor) for name, tensor in batch.items())
    assert seen["loss"].keys() == batch.keys()


def test_there_is_no_loss_without_labels_or_without_a_loss(model: PreTrainedModel) -> None:
    batch = batch_of(1, 0)
    assert Objective()(model, batch)[1] is None
    del batch["labels"]
    outputs, loss = Objective(cross_entropy)(model, batch)
    assert loss is None and outputs.logits.shape == (2, 3)


def test_r_drop_runs_a_batch_twice_and_adds_the_divergence_to_the_mean_loss(model: PreTrainedModel) -> None:
    batch, seen = batch_of(2, 0, -100, 1, 1), []

    def divergence(outputs: Any, twice: Batch) -> Tensor:
        seen.append((outputs.logits, twice))
        return torch.tensor(3.0)

    _, plain = Objective(cross_entropy)(model, batch)
    outputs, loss = RDrop(cross_entropy, divergence=divergence, alpha=0.5)(model, batch)
    assert plain is not None and loss is not None
    assert float(loss.detach()) == pytest.approx(float(plain.detach()) + 1.5, rel=1e-6)
    ((logits, twice),) = seen
    assert outputs.logits is logits and logits.shape == (10, 3)
    assert all(torch.equal(twice[name], torch.cat([tensor, tensor])) for name, tensor in batch.items())


def spied(objective: Objective, batches: list[Batch]) -> Callable[..., Any]:
    def call(self: Objective, model: Any, batch: Batch) -> Any:
        batches.append(dict(batch))
        return objective(model, batch)

    return type("Spied", (Objective,), {"__call__": call})()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_runs_every_micro_batch_through_it(prepared: Prepared, engine: str) -> None:
    seen: list[Batch] = []

    def spy(training: Training) -> None:
        training.objective = spied(training.objective, seen)

    settings = {"training__engine": engine, "training__gradient_accumulation_steps": PARTS}
    found, training = run_steps(prepared, spy, **settings)
    assert len(found.losses) == STEPS and len(seen) == STEPS * PARTS
    rows = [i for step in range(STEPS) for micro in training.plan.micro_batches(step) for i in micro]
    assert torch.cat([batch["labels"] for batch in seen]).tolist() == [training.rows[i]["labels"] for i in rows]
    assert all("input_ids" in batch for batch in seen)
    assert same_weights(found.weights, run_steps(prepared, **settings)[0].weights), "looking changes nothing"


def test_inference_runs_every_batch_through_it(
    prepared: Prepared, model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Batch] = []
    right = Objective.__call__

    def spy(self: Objective, model: Any, batch: Batch) -> Any:
        seen.append(dict(batch))
        return right(self, model, batch)

    monkeypatch.setattr(Objective, "__call__", spy)
    asked = Asked.of(prepared.splits["validation"][:], prepared.encoded["validation"])
    recipe = prepared.recipe.model_copy(deep=True)
    recipe.evaluation.eval_batch_size = 4
    _, loss = answer(prepared.task, model, asked, recipe, console=Console())
    assert sum(len(batch["labels"]) for batch in seen) == asked.size > 4
    with torch.no_grad():
        each = [
            functional.cross_entropy(
                model(**{name: torch.tensor([row[name]]) for name in prepared.task.tokenizer.model_input_names}).logits,
                torch.tensor([row["labels"]]),
            )
            for row in asked.rows
        ]
    assert loss == pytest.approx(float(torch.stack(each).mean()), rel=1e-5)
