"""The table `model`: the title of a model."""

from typing import Any

import pytest

from luthier.recipe import ModelRecipe

Values = dict[str, Any]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({}, None),
        ({"name": "minilm"}, "minilm"),
        ({"from_scratch": "tiny"}, "a new model of size tiny, from scratch"),
        ({"from_scratch": "base", "architecture": "t5"}, "t5 of size base, from scratch"),
    ],
)
def test_a_model_has_a_title_once_it_is_chosen(values: Values, title: str | None) -> None:
    assert ModelRecipe(**values).title == title
