"""New weights for the head of a checkpoint, and no others."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTokenClassification

from luthier.models.heads import renew_head
from luthier.models.loading import load_model
from tests.engines.helpers import weights
from tests.tasks.conftest import built as built  # noqa: PLC0414  # a fixture, for this module too

CLASSES, TAGS = "SequenceClassification", "TokenClassification"


@pytest.mark.parametrize("name", ["DistilBERT", "RoBERTa", "ModernBERT", "GPT-2"])
@pytest.mark.parametrize("auto_class", [CLASSES, TAGS])
def test_exactly_what_transformers_replaces_for_other_labels_is_new(
    name: str, auto_class: str, built: Callable[[str], Path], tmp_path: Path
) -> None:
    load_model(auto_class, str(built(name)), config={"num_labels": 2}).save_pretrained(tmp_path)
    kept, other = (weights(load_model(auto_class, str(tmp_path), config={"num_labels": n})) for n in (2, 3))
    model = load_model(auto_class, str(tmp_path))
    renew_head(model)
    new = {key for key, weight in weights(model).items() if not torch.equal(weight, kept[key])}
    head = {key for key, weight in other.items() if weight.shape != kept[key].shape}
    assert head and new == {key for key in head if kept[key].any()}, "a bias of zeros begins as zeros"


def test_the_random_state_determines_the_new_head(tiny_model: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(tiny_model)
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        renew_head(model)
        heads.append(model.classifier.weight.detach().clone())
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])
    assert heads[0].std().item() == pytest.approx(model.config.initializer_range, rel=0.3)
    assert not model.classifier.bias.any()
