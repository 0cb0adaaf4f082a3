"""Convert the settings of a command or Python call to dotted recipe keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.errors import RecipeError, UsageError
from luthier.recipe import Recipe
from luthier.recipe_tables import Section

TABLES = [name for name, value in Recipe() if isinstance(value, Section)]


def dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Convert settings to dotted recipe keys, each with its value.

    Args:
        settings: Recipe keys, dotted or by their last part if it is unambiguous; tables as mappings; `text` and
            `label` for columns.
    Raises:
        RecipeError: A key is unknown; the hint names the closest one.
        UsageError: A key is set twice, or there are more than two text columns.
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if name in ("text", "label"):
            pairs = columns_of(**{name: value})
        elif name in ("columns", "data.columns"):
            pairs = {f"data.columns.{role}": column for role, column in value.items()}
        elif name in TABLES and isinstance(value, Mapping):
            pairs = {Recipe.full_key(f"{name}.{key}", f"{name}=", value): inner for key, inner in value.items()}
        elif name in TABLES and name != "model":
            hint = f'write {name}={{"key": value}}'
            raise RecipeError(f"{name} is a table, not a value", where=f"{name}=", hint=hint)
        elif name == "model":
            pairs = {"model.name": value}
        else:
            pairs = {Recipe.full_key(name, f"{name}=", settings): value}
        if twice := pairs.keys() & found.keys():
            raise UsageError(f"{min(twice)} is set twice", where=f"{name}=", hint="remove one of the two")
        found |= pairs
    return found


def columns_of(text: str | Sequence[str] | None = None, label: str | Sequence[str] | None = None) -> dict[str, Any]:
    """Dotted recipe keys for the column of the text, or of both texts, and the column or columns of the label.

    Raises:
        UsageError: More than two text columns.
    """
    texts = [text] if isinstance(text, str) else list(text or [])
    labels = [label] if isinstance(label, str) else list(label or [])
    if len(texts) > 2:
        hint = "set other roles with --column, or with columns={role: column}"
        raise UsageError("text takes at most two columns", where=f"text {','.join(texts)}", hint=hint)
    columns: dict[str, Any] = dict(zip(("data.columns.text", "data.columns.text_pair"), texts, strict=False))
    if labels:
        columns |= {"data.columns.labels": labels} if len(labels) > 1 else {"data.columns.label": labels[0]}
    return columns
