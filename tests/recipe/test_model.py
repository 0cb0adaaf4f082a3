"""The table `model`: the title of a model."""

from typing import Any

import pytest

from luthier.errors import RecipeError
from luthier.recipe import AdapterRecipe, ModelRecipe

Values = dict[str, Any]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({}, None),
        ({"name": "minilm"}, "minilm"),
        ({"name": "minilm", "adapter": {"kind": "ia3"}}, "minilm with (IA)3"),
        ({"from_scratch": "tiny"}, "a new model of size tiny, from scratch"),
        ({"from_scratch": "base", "architecture": "t5"}, "t5 of size base, from scratch"),
    ],
)
def test_a_model_has_a_title_once_it_is_chosen(values: Values, title: str | None) -> None:
    assert ModelRecipe(**values).title == title


def test_a_kind_alone_is_an_adapter_and_only_matrices_have_a_rank() -> None:
    lora, scales = (ModelRecipe.build({"name": "minilm", "adapter": kind}).adapter for kind in ("lora", "ia3"))
    assert lora == AdapterRecipe() and (lora.rank, lora.dropout) == (16, 0.0)
    assert scales is not None and (scales.rank, scales.alpha, scales.dropout) == (None, None, None)


@pytest.mark.parametrize(
    ("values", "scale"),
    [({}, 32), ({"rank": 4}, 8), ({"rank": 4, "alpha": 3}, 3), ({"kind": "rslora", "rank": 64}, 16), ({"alpha": 1}, 1)],
)
def test_the_scale_of_an_adapter_follows_from_its_rank(values: Values, scale: float) -> None:
    assert AdapterRecipe(**values).scale == scale


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"name": "minilm", "adapter": {"kind": "ia3", "rank": 8}}, r"\(IA\)3 has no rank"),
        ({"name": "minilm", "adapter": {"rank": 0}}, "rank must be at least 1, got 0"),
        ({"name": "minilm", "adapter": {"kind": "lara"}}, "adapter.kind must be 'lora'"),
        ({"from_scratch": "tiny", "adapter": {}}, "adapter and from_scratch exclude each other"),
        ({"name": "minilm", "fresh_tokenizer": True, "adapter": {}}, "adapter and fresh_tokenizer exclude each other"),
        ({"name": "minilm", "freeze": ["*"], "adapter": {}}, "adapter and freeze exclude each other"),
    ],
)
def test_an_adapter_is_trained_on_a_pretrained_model(values: Values, what: str) -> None:
    with pytest.raises(RecipeError, match=what):
        ModelRecipe.build(values)
