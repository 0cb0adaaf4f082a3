"""A pass ends with its context, and holds nothing of it."""

from pathlib import Path

import pytest
import torch
from torch import nn

from luthier.fast import fast, fast_training
from luthier.fast.dropout import Dropout
from luthier.fast.layout import ACTIVE, Forward
from luthier.recipe import FastRecipe
from tests.fast.models import batch_for, load


def test_a_pass_ends_with_its_context_also_after_an_error(tmp_path: Path) -> None:
    model = load("BERT", "SequenceClassification", tmp_path)
    batch = batch_for(model, "SequenceClassification", (2, 5, 3))
    passes = fast(model, FastRecipe())
    seen: list[Forward | None] = []

    def fail() -> None:
        with passes(batch):
            seen.append(ACTIVE.get())
            model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert ACTIVE.get() is None
    assert seen[0] is not None
    assert not seen[0].packed


def test_several_sequences_in_a_row_are_left_padded(tmp_path: Path) -> None:
    model = load("BERT", "SequenceClassification", tmp_path)
    with fast(model, FastRecipe())({"input_ids": torch.ones(2, 3, 4), "attention_mask": torch.ones(2, 3, 4)}):
        forward = ACTIVE.get()
        assert forward is not None
        assert forward.encoder.own is None
        assert forward.encoder.read is None


@pytest.mark.parametrize(
    ("wanted", "device", "replaced"), [(True, "cpu", True), (False, "cpu", False), (True, "meta", False)]
)
def test_dropout_is_replaced_in_training_on_a_cpu(wanted: bool, device: str, replaced: bool, tmp_path: Path) -> None:
    model = load("BERT", "SequenceClassification", tmp_path)
    passes = fast_training(model, FastRecipe(dropout_masks=wanted), torch.device(device))
    assert passes.dropout is replaced
    assert any(isinstance(module, Dropout) for module in model.modules()) is replaced
    assert any(isinstance(module, nn.Dropout) for module in model.modules())
