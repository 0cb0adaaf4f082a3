"""Adapters in model directories: found with their base model, refused without it or with another one."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, set_seed

from luthier.errors import DamagedError, ModelError, RecipeError
from luthier.models.adapters.add import add_adapter, has_adapter
from luthier.models.adapters.load import base_of, find_base, is_adapter, load_any, refuse_nested, weights_digest
from luthier.models.export import save_model
from luthier.models.loading import load_model
from luthier.recipe import ModelRecipe
from luthier.storage.checksums import MANIFEST
from tests.matrix.models import build

HEAD = "SequenceClassification"
LABELS = {
    "num_labels": 5,
    "id2label": {i: f"label {i}" for i in range(5)},
    "label2id": {f"label {i}": i for i in range(5)},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("built")
    return cache(lambda name: build(name, folder / name))


@pytest.fixture
def base(built: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(built("BERT"), tmp_path / "base"))


def saved(base: Path, target: Path, head: str = HEAD, kind: str = "lora", tokens: int = 0) -> Any:
    """An adapter whose weights are not zero, saved as a run saves it; the model that it was saved from."""
    recipe = ModelRecipe.build({"name": str(base), "adapter": {"kind": kind} | ({} if kind == "ia3" else {"rank": 2})})
    assert recipe.adapter is not None
    set_seed(0)
    model = load_model(head, str(base), config=LABELS if head == HEAD else None)
    size = model.config.vocab_size
    if tokens:
        model.resize_token_embeddings(size + tokens, mean_resizing=False)
    add_adapter(model, recipe.adapter, head, range(size, size + tokens))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    found = base_of(recipe, model)
    assert found is not None
    card = {"max_length": 64, "base": found.to_dict()}
    save_model(target, model, AutoTokenizer.from_pretrained(base), card, "card")
    return model.eval()


def outputs(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model.eval()(input_ids=torch.tensor([[5, 9, 17, 33, 4]])).logits


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora", "ia3"])
def test_it_is_loaded_on_its_base_and_merged(kind: str, base: Path, tmp_path: Path) -> None:
    model = saved(base, tmp_path / "adapter", kind=kind)
    sizes = {file.name: file.stat().st_size for file in (tmp_path / "adapter").glob("*.safetensors")}
    assert sizes.keys() == {"adapter_model.safetensors"}
    loaded = load_any(HEAD, str(tmp_path / "adapter"))
    torch.testing.assert_close(outputs(loaded), outputs(model))
    assert loaded.config.id2label == LABELS["id2label"]
    merged = load_any(HEAD, str(tmp_path / "adapter"), merge=True)
    torch.testing.assert_close(outputs(merged), outputs(model), rtol=1e-4, atol=1e-5)
    assert has_adapter(loaded) and not has_adapter(merged)
    assert is_adapter(str(tmp_path / "adapter")) and not is_adapter(str(base))


def test_new_tokens_grow_the_base_model(built: Callable[[str], Path], tmp_path: Path) -> None:
    base = built("GPT-2")
    model = saved(base, tmp_path / "adapter", "CausalLM", tokens=3)
    loaded = load_any("CausalLM", str(tmp_path / "adapter"))
    assert loaded.config.vocab_size == load_model("CausalLM", str(base)).config.vocab_size + 3
    torch.testing.assert_close(outputs(loaded), outputs(model))
    torch.testing.assert_close(
        outputs(load_any("CausalLM", str(tmp_path / "adapter"), merge=True)), outputs(model), rtol=1e-4, atol=1e-5
    )


def test_a_base_model_that_moved_is_said(base: Path, tmp_path: Path) -> None:
    model = saved(base, tmp_path / "adapter")
    base.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="base model cannot be loaded: no such model directory") as caught:
        load_any(HEAD, str(tmp_path / "adapter"))
    assert caught.value.where == str(base) and "--model" in caught.value.hint
    loaded = load_any(HEAD, str(tmp_path / "adapter"), base=str(tmp_path / "elsewhere"))
    torch.testing.assert_close(outputs(loaded), outputs(model))


def test_a_base_model_that_changed_is_refused_by_name(base: Path, tmp_path: Path) -> None:
    saved(base, tmp_path / "adapter")
    file = base / "model.safetensors"
    weights = load_file(file)
    next(iter(weights.values())).add_(1e-3)
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="is not the base model that the adapter was trained on") as caught:
        load_any(HEAD, str(tmp_path / "adapter"))
    assert str(base) in caught.value.what


def test_an_adapter_that_lacks_a_weight_is_damaged(base: Path, tmp_path: Path) -> None:
    saved(base, tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    weights = load_file(file)
    weights.pop(next(name for name in weights if "lora_B" in name))
    save_file(weights, file)
    with pytest.raises(DamagedError, match="checksum"):
        load_any(HEAD, str(tmp_path / "adapter"))
    (tmp_path / "adapter" / MANIFEST).unlink()
    with pytest.raises(DamagedError, match="does not fit its base model"):
        load_any(HEAD, str(tmp_path / "adapter"))


@pytest.mark.filterwarnings("error:.*ignore_mismatched_sizes")
def test_a_merged_adapter_has_a_new_head_for_another_number_of_labels(base: Path, tmp_path: Path) -> None:
    saved(base, tmp_path / "adapter")
    same, other = (load_any(HEAD, str(tmp_path / "adapter"), merge=True, config={"num_labels": n}) for n in (5, 3))
    assert other.classifier.weight.shape[0] == 3
    key = "encoder.layer.0.attention.self.query.weight"
    assert torch.equal(same.bert.get_parameter(key), other.bert.get_parameter(key))


def test_an_adapter_without_a_card_is_refused(base: Path, tmp_path: Path) -> None:
    saved(base, tmp_path / "adapter")
    card = tmp_path / "adapter" / "luthier.json"
    card.write_text(json.dumps({"max_length": 64}))
    with pytest.raises(ModelError, match="does not say which base model"):
        find_base(tmp_path / "adapter")


def test_only_an_adapter_has_a_base_model(base: Path) -> None:
    with pytest.raises(ModelError, match="not an adapter"):
        load_any(HEAD, str(base), base=str(base))
    assert base_of(ModelRecipe(name=str(base)), load_model(HEAD, str(base))) is None


def test_an_adapter_on_an_adapter_is_refused(base: Path, tmp_path: Path) -> None:
    saved(base, tmp_path / "adapter")
    with pytest.raises(RecipeError, match="the model is an adapter itself") as caught:
        refuse_nested(ModelRecipe.build({"name": str(tmp_path / "adapter"), "adapter": {}}))
    assert "luthier merge" in caught.value.hint
    refuse_nested(ModelRecipe.build({"name": str(base), "adapter": {}}))


def test_the_digest_is_that_of_the_weights(base: Path) -> None:
    before = weights_digest(str(base))
    (base / "config.json").write_text((base / "config.json").read_text() + " ")
    assert weights_digest(str(base)) == before
    (base / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        weights_digest(str(base))
