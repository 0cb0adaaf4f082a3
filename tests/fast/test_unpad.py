"""Without padding, every architecture has the losses and gradients that it has with it."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luthier.engines.objective import Objective
from luthier.fast import fast, fast_training
from luthier.fast.dropout import again
from luthier.recipe import FastRecipe
from tests.fast.models import ALL, CELLS, batch_for, load, loss_and_gradient, same, summed

PADDED = ("Gemma 2", "DeBERTa-v3", "ALBERT", "LED")  # their attention is their own, or they repeat one layer
LENGTHS = (7, 1, 12, 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize(("name", "head"), CELLS)
def test_loss_and_gradient_are_those_of_the_padded_batch(name: str, head: str, folder: Path) -> None:
    model = load(name, head, folder)
    batch = batch_for(model, head, LENGTHS)
    plain = loss_and_gradient(model, Objective(summed), batch)
    passes = fast(model, FastRecipe())
    assert same(loss_and_gradient(model, Objective(summed, around=passes), batch), plain)
    assert passes.able.unpad == (name not in PADDED)
    assert same(loss_and_gradient(model, Objective(summed), batch), plain)  # outside of a pass nothing has changed


@pytest.mark.parametrize("part", ["unpad", "attention", "last_layer"])
@pytest.mark.parametrize("name", ["BERT", "LLaMA", "T5"])
def test_each_part_can_be_turned_off(name: str, part: str, folder: Path) -> None:
    head = next(head for cell, head in CELLS if cell == name)
    model = load(name, head, folder)
    batch = batch_for(model, head, LENGTHS)
    plain = loss_and_gradient(model, Objective(summed), batch)
    passes = fast(model, FastRecipe.build({part: False}))
    assert same(loss_and_gradient(model, Objective(summed, around=passes), batch), plain)


@pytest.mark.parametrize("name", ["BERT", "ModernBERT", "GPT-2", "SmolLM 3", "BART", "T5"])
@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.booleans())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_of_any_length_padded_on_either_side(name: str, folder: Path, lengths: list[int], left: bool) -> None:
    head = next(head for cell, head in CELLS if cell == name and head != "SequenceClassification")
    model = load(name, head, folder)
    batch = batch_for(model, head, lengths, left=left)
    plain = loss_and_gradient(model, Objective(summed), batch)
    assert same(loss_and_gradient(model, Objective(summed, around=fast(model, FastRecipe())), batch), plain)


@pytest.mark.parametrize("name", ["BERT", "LLaMA", "T5", "BART"])
def test_gradient_checkpointing_has_the_same_gradient_with_dropout(name: str, folder: Path) -> None:
    head = next(head for cell, head in CELLS if cell == name)
    found = []
    for computed_again in (False, True):
        model = load(name, head, folder).train()
        if computed_again:
            enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
            enable({"use_reentrant": False, "context_fn": again})
        torch.manual_seed(5)
        objective = Objective(summed, around=fast_training(model, FastRecipe(), torch.device("cpu")))
        found.append(loss_and_gradient(model, objective, batch_for(model, head, LENGTHS)))
    assert same(*found)


@pytest.mark.parametrize("name", ["LLaMA", "BART"])
def test_generation_is_untouched(name: str, folder: Path) -> None:
    head = next(head for cell, head in CELLS if cell == name)
    model = load(name, head, folder)
    batch = batch_for(model, head, LENGTHS, left=name == "LLaMA")
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
    before = model.generate(**inputs, max_new_tokens=5, do_sample=False)
    fast(model, FastRecipe())
    assert model.generate(**inputs, max_new_tokens=5, do_sample=False).equal(before)


def test_every_architecture_of_the_matrix_is_tried() -> None:
    assert {name for name, _ in CELLS} == set(ALL)
