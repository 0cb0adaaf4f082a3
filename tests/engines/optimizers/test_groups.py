"""Parameter groups: rates by layer, of the head and by pattern, and decay of matrices only."""

from pathlib import Path

import pytest
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from luthier.engines.optimizers.groups import Group, groups_of
from luthier.errors import RecipeError
from luthier.recipe import GroupRecipe, TrainingRecipe


@pytest.fixture
def model(tiny_model: Path) -> PreTrainedModel:
    return AutoModelForSequenceClassification.from_pretrained(tiny_model)


def rate_of(groups: list[Group], name: str) -> tuple[float, float]:
    (found,) = [group for group in groups if name in group.parameters]
    return found.learning_rate, found.weight_decay


def test_decay_is_on_matrices_only(model: PreTrainedModel) -> None:
    decayed, others = groups_of(model, TrainingRecipe(weight_decay=0.3))
    assert (decayed.weight_decay, others.weight_decay) == (0.3, 0.0)
    assert (decayed.name, others.name) == ("model", "model, no decay")
    names = [name for name, _ in model.named_parameters()]
    assert set(others.parameters) == {name for name in names if name.endswith(".bias") or "LayerNorm" in name}
    assert len(decayed.parameters) + len(others.parameters) == len(names)
    assert decayed.size + others.size == model.num_parameters()


def test_the_rate_falls_with_every_layer_and_the_head_has_its_own(model: PreTrainedModel) -> None:
    recipe = TrainingRecipe(learning_rate=1.0, layer_decay=0.5, head_learning_rate=3.0)
    groups, layers = groups_of(model, recipe), model.config.num_hidden_layers
    for layer in range(layers):
        name = f"bert.encoder.layer.{layer}.output.dense.weight"
        assert rate_of(groups, name) == (0.5 ** (layers - layer), 0.01)
    assert rate_of(groups, "bert.embeddings.LayerNorm.weight") == (0.5 ** (layers + 1), 0.0)
    assert rate_of(groups, "bert.embeddings.word_embeddings.weight") == (0.5 ** (layers + 1), 0.01)
    assert rate_of(groups, "bert.pooler.dense.weight") == (1.0, 0.01)
    assert rate_of(groups, "classifier.bias") == (3.0, 0.0)
    assert groups[0].learning_rate == 1.0, "the curves record the rate of the first group"


def test_without_its_own_rate_the_head_learns_as_the_top_does(model: PreTrainedModel) -> None:
    groups = groups_of(model, TrainingRecipe(learning_rate=1.0, layer_decay=0.5))
    assert rate_of(groups, "classifier.weight") == (1.0, 0.01)


@pytest.mark.parametrize(
    ("made", "places"),
    [
        (
            lambda: LlamaForCausalLM(
                LlamaConfig(
                    hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2, vocab_size=9
                )
            ),
            {"model.embed_tokens.weight": 3, "model.layers.0.mlp.up_proj.weight": 2, "model.norm.weight": 0},
        ),
        (
            lambda: GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=2, n_head=2, vocab_size=9)),
            {"transformer.wpe.weight": 3, "transformer.h.1.mlp.c_fc.weight": 1, "transformer.ln_f.weight": 0},
        ),
        (
            lambda: T5ForConditionalGeneration(
                T5Config(d_model=8, d_ff=8, d_kv=4, num_layers=3, num_decoder_layers=2, num_heads=2, vocab_size=9)
            ),
            {
                "shared.weight": 4,
                "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": 3,
                "decoder.block.1.layer.0.SelfAttention.q.weight": 2,
                "encoder.final_layer_norm.weight": 0,
            },
        ),
    ],
)
def test_layers_are_found_in_every_family(made: type, places: dict[str, int]) -> None:
    groups = groups_of(made(), TrainingRecipe(learning_rate=1.0, layer_decay=0.5))
    assert {name: rate_of(groups, name)[0] for name in places} == {name: 0.5**n for name, n in places.items()}


def test_the_first_pattern_that_matches_decides(model: PreTrainedModel) -> None:
    recipe = TrainingRecipe(
        learning_rate=1.0,
        head_learning_rate=2.0,
        groups=[
            GroupRecipe(match="classifier.*", learning_rate=5.0, weight_decay=0.5),
            GroupRecipe(match="*.bias", weight_decay=0.25),
        ],
    )
    groups = groups_of(model, recipe)
    assert rate_of(groups, "classifier.bias") == (5.0, 0.5)
    assert rate_of(groups, "bert.pooler.dense.bias") == (1.0, 0.25)
    assert rate_of(groups, "bert.pooler.dense.weight") == (1.0, 0.01)


def test_a_pattern_that_matches_nothing_is_refused_with_a_name_like_it(model: PreTrainedModel) -> None:
    recipe = TrainingRecipe(groups=[GroupRecipe(match="clasifier.weight")])
    with pytest.raises(RecipeError, match="matches no trainable parameter") as caught:
        groups_of(model, recipe)
    assert caught.value.where == "training.groups.0.match" and "classifier.weight" in caught.value.hint


def test_a_model_without_layers_has_one_rate() -> None:
    groups = groups_of(nn.Linear(2, 2), TrainingRecipe(learning_rate=1.0, layer_decay=0.5, head_learning_rate=9.0))
    assert {group.learning_rate for group in groups} == {1.0}
