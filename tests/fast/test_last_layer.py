"""The last layer runs for the first tokens alone where the head reads no others."""

from pathlib import Path

import pytest
import torch

from luthier.engines.objective import Objective
from luthier.fast import fast
from luthier.recipe import FastRecipe
from tests.fast.models import batch_for, load


def rows_of_the_last_layer(model: torch.nn.Module, around: Objective, batch: dict[str, torch.Tensor]) -> int:
    """The rows that the last feed-forward layer of BERT multiplies."""
    found = []
    dense = model.get_submodule("bert.encoder.layer.1.intermediate.dense")
    handle = dense.register_forward_hook(lambda module, args, output: found.append(args[0].flatten(0, -2).shape[0]))
    around(model, batch)
    handle.remove()
    return found[0]


@pytest.mark.parametrize("unpad", [False, True])
def test_it_runs_for_one_token_a_row(unpad: bool, tmp_path: Path) -> None:
    model = load("BERT", "SequenceClassification", tmp_path)
    batch = batch_for(model, "SequenceClassification", (4, 9, 2))
    passes = {on: fast(model, FastRecipe(unpad=unpad, last_layer=on)) for on in (False, True)}
    rows = {on: rows_of_the_last_layer(model, Objective(around=one), batch) for on, one in passes.items()}
    assert rows == {False: 15 if unpad else 27, True: 3}


def test_rows_that_begin_with_padding_are_not_mistaken(tmp_path: Path) -> None:
    model = load("BERT", "SequenceClassification", tmp_path)
    batch = batch_for(model, "SequenceClassification", (4, 9, 2), left=True)
    plain = Objective()(model, batch)[0].logits
    assert torch.allclose(Objective(around=fast(model, FastRecipe()))(model, batch)[0].logits, plain, atol=1e-4)
