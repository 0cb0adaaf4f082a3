"""A model that is asked for the losses of its labels computes no logits, and is otherwise as it was."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from luthier.data.batches import IGNORED
from luthier.engines.objective import Objective
from luthier.fast import Fast, fast
from luthier.recipe import FastRecipe
from tests.fast.models import CELLS, batch_for, load, loss_and_gradient, same, summed

WRITING = [(name, head) for name, head in CELLS if head in ("CausalLM", "Seq2SeqLM") and name != "Gemma 2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def asking(model: Any, **wanted: bool) -> Fast:
    """Passes that are asked for the losses of the labels, each at its own place."""
    passes = fast(model, FastRecipe(**wanted)).asking(lambda labels: labels, 0.0)
    assert passes.targets is not None
    return passes


def total(outputs: Any, batch: Any) -> Tensor:
    assert outputs.logits.numel() == 0
    loss: Tensor = outputs.loss
    return loss


@pytest.mark.parametrize(("name", "head"), WRITING)
def test_loss_and_gradient_are_those_of_the_logits(name: str, head: str, folder: Path) -> None:
    model = load(name, head, folder)
    batch = batch_for(model, head, (3, 9, 1, 6))
    plain = loss_and_gradient(model, Objective(summed), batch)
    passes = asking(model)
    assert same(loss_and_gradient(model, Objective(total, passes, False), batch), plain)
    assert same(loss_and_gradient(model, Objective(summed), batch), plain), "outside of a pass it is as it was"
    with torch.no_grad(), passes(batch):
        found = model(**{key: value for key, value in batch.items() if key != "labels"})
    with torch.no_grad():
        logits = model(**{key: value for key, value in batch.items() if key != "labels"}).logits
    each = functional.cross_entropy(logits.flatten(0, -2), batch["labels"].flatten(), reduction="none")
    assert torch.allclose(found.losses, each[batch["labels"].flatten().ne(IGNORED)], rtol=1e-4, atol=1e-4)


def test_copies_are_asked_each_for_its_own_losses(folder: Path) -> None:
    model = load("LLaMA", "CausalLM", folder)
    batch = batch_for(model, "CausalLM", (3, 5))
    fast(model, FastRecipe())
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.get_output_embeddings().weight.mul_(2)
    plain = loss_and_gradient(other, Objective(summed), batch)
    assert same(loss_and_gradient(other, Objective(total, asking(other), False), batch), plain)


@pytest.mark.parametrize("labels", [True, False])
def test_without_labels_or_where_the_recipe_says_so_there_are_logits(labels: bool, folder: Path) -> None:
    model = load("LLaMA", "CausalLM", folder)
    batch = batch_for(model, "CausalLM", (3, 5))
    passes = fast(model, FastRecipe(logits=not labels)).asking(lambda labels: labels, 0.0)
    with passes(batch if labels else {key: value for key, value in batch.items() if key != "labels"}):
        assert model(input_ids=batch["input_ids"]).logits.shape[:2] == (2, 5)


def test_hidden_states_of_other_places_than_the_targets_give_logits(folder: Path) -> None:
    """Such as those of a model that puts tokens of its own before the text."""
    model = load("LLaMA", "CausalLM", folder)
    batch = batch_for(model, "CausalLM", (3, 5))
    with asking(model, unpad=False)(batch):
        assert model(input_ids=torch.cat([batch["input_ids"]] * 2, 1)).logits.shape[:2] == (2, 10)
