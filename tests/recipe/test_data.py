"""The table `data`: names of labels."""

from typing import Any

import pytest

from luthier.errors import RecipeError
from luthier.recipe import Recipe

Values = dict[str, Any]


def test_names_of_labels_are_by_code_and_differ() -> None:
    assert Recipe.build({"data": {"label_names": {0: "bad", "1": "good"}}}).data.label_names == {
        "0": "bad",
        "1": "good",
    }
    with pytest.raises(RecipeError, match="label_names gives 0 and 1 the same name, 'bad'"):
        Recipe.build({"data": {"label_names": {0: "bad", 1: "bad"}}})
    with pytest.raises(RecipeError, match="a name in label_names is empty"):
        Recipe.build({"data": {"label_names": {0: ""}}})
