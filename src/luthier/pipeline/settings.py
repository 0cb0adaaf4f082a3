"""Convert the settings of a command or Python call to dotted recipe keys."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luthier.errors import RecipeError, UsageError
from luthier.recipe import Recipe
from luthier.recipe.tables import Section

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
            if not isinstance(value, Mapping):
                hint = 'write columns={"text": "review"}'
                raise UsageError(f"columns must map roles to columns, got {value!r}", where=f"{name}=", hint=hint)
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


def place(settings: Mapping[str, Any], otherwise: str) -> Callable[[str], str]:
    """Where a recipe key was set: the setting as the caller wrote it (`max_steps=`), or another place.

    Args:
        settings: As `dotted` takes them.
        otherwise: The place of the other keys, such as a file.
    """
    names = {key: name for name, value in settings.items() for key in dotted({name: value})}

    def of(key: str) -> str:
        # An error may be about a part of what was set, such as one of several columns.
        name = next((name for known, name in names.items() if key == known or key.startswith(f"{known}.")), None)
        return f"{name}=" if name else otherwise

    return of


def columns_of(text: str | Sequence[str] | None = None, label: str | Sequence[str] | None = None) -> dict[str, Any]:
    """Dotted recipe keys for the column of the text, or of both texts, and the column or columns of the label.

    Raises:
        UsageError: More than two text columns, or something else than names.
    """
    texts, labels = _names(text, "text"), _names(label, "label")
    if len(texts) > 2:
        hint = "set other roles with --column, or with columns={role: column}"
        raise UsageError("text takes at most two columns", where=f"text {','.join(texts)}", hint=hint)
    columns: dict[str, Any] = dict(zip(("data.columns.text", "data.columns.text_pair"), texts, strict=False))
    if labels:
        columns |= {"data.columns.labels": labels} if len(labels) > 1 else {"data.columns.label": labels[0]}
    return columns


def _names(columns: Any, name: str) -> list[str]:
    """The columns in the value of an argument."""
    names = [columns] if isinstance(columns, str) else [] if columns is None else columns
    if not isinstance(names, list | tuple) or not all(isinstance(column, str) for column in names):
        hint = "name columns as in the data, as text"
        raise UsageError(f"{name} must be a column or a list of columns, got {columns!r}", where=f"{name}=", hint=hint)
    return list(names)
