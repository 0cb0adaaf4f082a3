"""The recipe of a call, as it was asked for and as it was decided."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.errors import UsageError
from luthier.recipe import Recipe, read_toml
from luthier.recipe_tables import put


def build_recipe(data: Sequence[str], overrides: Mapping[str, Any]) -> Recipe:
    """The recipe of a call: a recipe file or data, and what was said beside it.

    Args:
        data: Sources to learn from, or one recipe file (`*.toml`).
        overrides: Dotted recipe key to value; these beat the file.
    Raises:
        RecipeError: The result is not a recipe.
        UsageError: A recipe and data were given together.
    """
    recipes = [item for item in data if str(item).endswith(".toml")]
    if recipes and len(data) > 1:
        hint = "name the data in the recipe, in [data], or leave the recipe out"
        raise UsageError("give either one recipe or data, not both", where=" ".join(map(str, data)), hint=hint)
    values = read_toml(Path(recipes[0])) if recipes else {"data": {"train": [_absolute(item) for item in data]}}
    for key, value in overrides.items():
        if key in ("data.train", "data.validation", "data.test"):
            value = [_absolute(item) for item in value]
        put(values, key, value)
    return Recipe.build(values, where=str(recipes[0]) if recipes else "options")


def _absolute(spec: str) -> str:
    return str(Path(spec).absolute()) if Path(spec).exists() else spec
