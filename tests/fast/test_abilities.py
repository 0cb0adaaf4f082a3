"""What a model can do is found by trying, and what it cannot leaves no trace."""

import copy
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BartConfig,
    BartForConditionalGeneration,
    Gemma2Config,
    Gemma2ForCausalLM,
)

from luthier.engines.objective import Objective
from luthier.fast import fast
from luthier.fast.abilities import abilities
from luthier.recipe import FastRecipe
from tests.fast.models import batch_for, load, loss_and_gradient, same, summed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize(
    ("name", "head", "able", "why"),
    [
        ("BERT", "SequenceClassification", {"attention", "unpad", "last_layer"}, {}),
        ("DistilBERT", "SequenceClassification", {"attention", "unpad", "last_layer"}, {}),
        ("RoBERTa", "SequenceClassification", {"attention", "unpad", "last_layer"}, {}),
        (
            "BERT",
            "TokenClassification",
            {"attention", "unpad"},
            {"last_layer": "other tokens", "logits": "no linear output"},
        ),
        ("ModernBERT", "SequenceClassification", {"attention", "unpad"}, {"last_layer": "nothing in the last layer"}),
        ("LLaMA", "CausalLM", {"logits", "attention", "unpad"}, {}),
        ("BART", "Seq2SeqLM", {"logits", "attention", "unpad"}, {}),
        ("T5", "Seq2SeqLM", {"logits", "attention", "unpad"}, {}),
        (
            "Gemma 2",
            "CausalLM",
            set(),
            {"logits": "it changes its logits", "unpad": "its attention is eager, not sdpa"},
        ),
        ("ALBERT", "TokenClassification", set(), {"unpad": "its results would differ"}),
    ],
)
def test_abilities_by_architecture(name: str, head: str, able: set[str], why: dict[str, str], folder: Path) -> None:
    found = abilities(load(name, head, folder))
    assert {part for part in ("logits", "attention", "unpad", "last_layer") if getattr(found, part)} == able
    for part, reason in why.items():
        assert reason in found.why_not[part]


def test_a_model_that_cannot_is_left_as_it_was(folder: Path) -> None:
    model = load("ALBERT", "TokenClassification", folder)
    abilities(model)
    assert model.config._attn_implementation == "sdpa"
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())


def test_layers_that_are_left_out_at_random_stay_padded() -> None:
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 32}
    model = BartForConditionalGeneration(BartConfig(vocab_size=50, decoder_layerdrop=0.5, **sizes, **heads))
    found = abilities(model)
    assert not found.unpad
    assert "at random" in found.why_not["unpad"]


def test_copies_have_the_abilities_and_the_numbers_of_the_model(folder: Path) -> None:
    model = load("BERT", "SequenceClassification", folder)
    batch = batch_for(model, "SequenceClassification", (3, 9, 1))
    plain = loss_and_gradient(model, Objective(summed), batch)
    before = copy.deepcopy(model)
    fast(model, FastRecipe())
    for one in (model, before, copy.copy(model), copy.deepcopy(model)):
        passes = fast(one, FastRecipe())
        assert passes.able.last_layer
        assert same(loss_and_gradient(one, Objective(summed, around=passes), batch), plain)
        assert same(loss_and_gradient(copy.deepcopy(one), Objective(summed), batch), plain)


def test_nothing_of_it_is_saved(folder: Path, tmp_path: Path) -> None:
    model = load("BERT", "SequenceClassification", folder)
    fast(model, FastRecipe())
    model.save_pretrained(tmp_path)
    assert "luthier" not in (tmp_path / "config.json").read_text(encoding="utf-8")
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert again.state_dict().keys() == model.state_dict().keys()


def test_trying_changes_no_random_number_and_no_mode(folder: Path) -> None:
    model = load("BERT", "SequenceClassification", folder).train()
    state = torch.get_rng_state()
    fast(model, FastRecipe())
    assert torch.get_rng_state().equal(state)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_that_changes_large_logits_alone_computes_them(folder: Path) -> None:
    """A soft cap changes those of a new model, which are small, by no more than rounding does."""
    config = Gemma2Config(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        pad_token_id=0,
    )
    found = abilities(Gemma2ForCausalLM(config))
    assert not found.logits
    assert found.why_not["logits"] == "it changes its logits"


@pytest.mark.parametrize(("name", "head"), [("T5", "Seq2SeqLM"), ("LLaMA", "CausalLM"), ("BART", "Seq2SeqLM")])
def test_a_model_in_bf16_has_the_abilities_of_one_in_fp32(name: str, head: str, folder: Path) -> None:
    whole, half = abilities(load(name, head, folder)), abilities(load(name, head, folder).to(torch.bfloat16))
    assert half.why_not == whole.why_not
