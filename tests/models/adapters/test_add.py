"""Adapters: what is adapted, what learns, on every architecture; and what is refused."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel, set_seed
from transformers.pytorch_utils import Conv1D

from luthier.errors import RecipeError
from luthier.models.adapters.add import add_adapter, describe, has_adapter, head_modules, save_adapter
from luthier.models.loading import load_model
from luthier.recipe import AdapterRecipe
from tests.matrix.models import ARCHITECTURES, FAMILIES, OTHERS, build

HEADS = {"encoder": "SequenceClassification", "decoder": "CausalLM", "encoder-decoder": "Seq2SeqLM"}
EVERY = ARCHITECTURES | OTHERS


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("built")
    return cache(lambda name: build(name, folder / name.replace(" ", "-")))


def head_of(name: str) -> str:
    return HEADS[FAMILIES[EVERY[name][1]]]


def adapted(path: Path, head: str, **recipe: Any) -> PreTrainedModel:
    set_seed(0)
    model = load_model(head, str(path))
    add_adapter(model, AdapterRecipe(**recipe), head)
    return model


def outputs(model: Any) -> torch.Tensor:
    ids = torch.tensor([[5, 9, 17, 33, 4]])
    inputs = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        return model.eval()(input_ids=ids, **inputs).logits


@pytest.mark.parametrize("kind", ["lora", "dora", "ia3"])
@pytest.mark.parametrize("name", EVERY)
def test_plain_peft_loads_and_merges_what_was_saved(
    name: str, kind: str, built: Callable[[str], Path], tmp_path: Path
) -> None:
    head = head_of(name)
    before = outputs(load_model(head, str(built(name)))) if head != HEADS["encoder"] else None
    model = adapted(built(name), head, kind=kind, **({} if kind == "ia3" else {"rank": 2}))
    if before is not None:  # a classifier's head is new each time
        torch.testing.assert_close(outputs(model), before)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    changed = outputs(model)
    save_adapter(model, tmp_path)
    plain = PeftModel.from_pretrained(load_model(head, str(built(name))), str(tmp_path))
    torch.testing.assert_close(outputs(plain), changed)
    merged = plain.merge_and_unload()
    torch.testing.assert_close(outputs(merged), changed, rtol=1e-4, atol=1e-5)
    assert has_adapter(model) and not has_adapter(merged)


@pytest.mark.parametrize("name", EVERY)
def test_every_linear_layer_is_adapted_but_head_and_output(name: str, built: Callable[[str], Path]) -> None:
    model = adapted(built(name), head_of(name))
    heads, output = head_modules(model), model.get_output_embeddings()
    left = [
        name
        for name, module in model.named_modules()
        if type(module) in (nn.Linear, Conv1D)
        and module is not output
        and "base_layer" not in name
        and "lora_" not in name
        and not name.startswith(tuple(heads))
    ]
    assert not left
    learns = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert all("lora_" in name or ".modules_to_save." in name for name in learns)
    assert bool(heads) == (head_of(name) == "SequenceClassification")


def test_it_says_what_is_adapted(built: Callable[[str], Path]) -> None:
    recipe = AdapterRecipe(target_modules=["query", "value"], rank=4)
    model = load_model("SequenceClassification", str(built("BERT")))
    add_adapter(model, recipe, "SequenceClassification")
    said = describe(model, recipe)
    assert said.value == "LoRA, rank 4, alpha 8, dropout 0"
    assert said.why == "on 4 layers: query, value; classifier, bert.pooler learn in full"


def test_rslora_scales_by_the_root_of_the_rank(built: Callable[[str], Path]) -> None:
    model: Any = adapted(built("LLaMA"), "CausalLM", kind="rslora", rank=16)
    assert model.model.layers[0].self_attn.q_proj.scaling["default"] == pytest.approx(2)
    plain: Any = adapted(built("LLaMA"), "CausalLM", kind="lora", rank=64)
    assert plain.model.layers[0].self_attn.q_proj.scaling["default"] == pytest.approx(2)


def test_embeddings_that_learn_are_still_those_of_the_output(built: Callable[[str], Path], tmp_path: Path) -> None:
    path = built("SmolLM 1 and 2")
    model: Any = adapted(path, "CausalLM", modules_to_save=["embed_tokens"])
    learns = [name for name, parameter in model.named_parameters() if parameter.requires_grad and "lora" not in name]
    assert learns == ["model.embed_tokens.modules_to_save.default.weight"]
    model.get_input_embeddings().weight.data += 0.1 * torch.randn_like(model.get_input_embeddings().weight)
    changed = outputs(model)
    save_adapter(model, tmp_path)
    plain = PeftModel.from_pretrained(load_model("CausalLM", str(path)), str(tmp_path))
    torch.testing.assert_close(outputs(plain), changed)
    torch.testing.assert_close(outputs(plain.merge_and_unload()), changed, rtol=1e-4, atol=1e-5)


def test_of_new_tokens_only_their_rows_learn(built: Callable[[str], Path], tmp_path: Path) -> None:
    path = built("SmolLM 1 and 2")

    def grown() -> Any:
        model = load_model("CausalLM", str(path))
        model.resize_token_embeddings(model.config.vocab_size + 2, mean_resizing=False)
        return model

    model, size = grown(), grown().config.vocab_size
    add_adapter(model, AdapterRecipe(rank=2), "CausalLM", [size - 2, size - 1])
    learns = {name: tuple(p.shape) for name, p in model.named_parameters() if p.requires_grad and "lora" not in name}
    assert list(learns.values()) == [(2, 32)]
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    changed = outputs(model)
    save_adapter(model, tmp_path)
    plain = PeftModel.from_pretrained(grown(), str(tmp_path))
    torch.testing.assert_close(outputs(plain), changed)
    torch.testing.assert_close(outputs(plain.merge_and_unload()), changed, rtol=1e-4, atol=1e-5)
    with pytest.raises(RecipeError, match="embeddings of new tokens"):
        add_adapter(grown(), AdapterRecipe(kind="ia3"), "CausalLM", [size - 1])


@pytest.mark.parametrize("key", ["target_modules", "modules_to_save"])
def test_a_name_that_matches_nothing_is_refused_with_the_nearest(key: str, built: Callable[[str], Path]) -> None:
    with pytest.raises(RecipeError, match="no module of the model matches 'qury'") as caught:
        adapted(built("BERT"), "SequenceClassification", **{key: ["value", "qury"]})
    assert caught.value.where == f"model.adapter.{key}" and "'query'" in caught.value.hint


def test_names_can_be_patterns(built: Callable[[str], Path]) -> None:
    model = adapted(built("BERT"), "SequenceClassification", target_modules=["layer.0.attention.*", "*1.output.dense"])
    named = {
        name.partition("layer.")[2].partition(".lora_")[0] for name, _ in model.named_parameters() if "lora_" in name
    }
    attention = {f"0.attention.{part}" for part in ("self.query", "self.key", "self.value", "output.dense")}
    assert named == attention | {"1.output.dense"}
