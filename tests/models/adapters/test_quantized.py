"""Models in 4 bits: which layers are quantized, and what is refused."""

import importlib.util
from typing import Any

import pytest
import torch

from luthier.errors import RecipeError
from luthier.models.adapters import quantized
from luthier.models.adapters.add import add_adapter
from luthier.models.adapters.quantized import check_four_bits, four_bits
from luthier.models.loading import load_config, load_model
from luthier.models.sources import locate
from luthier.recipe import AdapterRecipe

bitsandbytes = pytest.importorskip("bitsandbytes")
HEAD = "SequenceClassification"


def test_only_the_layers_that_are_adapted_are_in_four_bits() -> None:
    path = locate("minilm")  # layers of a tiny model are too narrow for 4 bits
    model: Any = load_model(HEAD, path, quantization=four_bits(HEAD, load_config(path)))
    whole = {name for name, module in model.named_modules() if type(module) is torch.nn.Linear}
    assert whole == {"bert.pooler.dense", "classifier"}
    assert model.classifier.weight.dtype == torch.float32
    add_adapter(model, AdapterRecipe(kind="qlora", rank=2), HEAD)
    ids = torch.tensor([[5, 9, 17]])
    model(input_ids=ids, labels=torch.tensor([1])).loss.backward()
    gradients = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert any("lora_B" in name for name in gradients)
    assert all("lora_" in name or "modules_to_save" in name for name in gradients)


def test_without_bitsandbytes_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "find_spec", lambda name: None)
    assert importlib.util.find_spec("bitsandbytes") is not None
    with pytest.raises(RecipeError, match="bitsandbytes, which is not installed") as caught:
        check_four_bits(torch.device("cpu"))
    assert "pip install 'bitsandbytes" in caught.value.hint and "extra optimizers" in caught.value.hint


def test_a_device_without_four_bits_is_refused() -> None:
    check_four_bits(torch.device("cpu"))
    with pytest.raises(RecipeError, match="in 4 bits on mps"):
        check_four_bits(torch.device("mps"))
