"""Build the recipe of a command or Python call from its data and settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.data.reading.discover import SPLITS, split_of
from luthier.data.reading.memory import are_rows, paths_in, tables_in, write_copy
from luthier.errors import SourceError, UsageError
from luthier.findings import Decision
from luthier.models.sources import PACKAGED
from luthier.pipeline.settings import dotted, place
from luthier.recipe import Recipe, read_toml
from luthier.recipe.tables import Section, put
from luthier.text import listing


def build_recipe(data: Any, settings: Mapping[str, Any], folder: Path, console: Console) -> Recipe:
    """Build the recipe of a call.

    Args:
        data: Paths, data in memory, a `Recipe`, or the path of one recipe file (`*.toml`).
        settings: As `dotted` takes them; these override the recipe. `validation` and `test` may be data in memory too.
        folder: Folder to write data in memory to, as Parquet.
        console: Receives a message about splits that are not used.
    Raises:
        RecipeError: The result is not a valid recipe.
        UsageError: A recipe and data were given together, or data of an unsupported type.
        SourceError: Data in memory has no rows, or a column with mixed types.
    """
    where = "options"
    paths = None if isinstance(data, Recipe) else paths_in(data)
    if isinstance(data, Recipe):
        values = set_by_user(data)
    elif paths and any(path.endswith(".toml") for path in paths):
        if len(paths) > 1:
            hint = "set the data in the recipe, in [data], or pass only the data"
            raise UsageError("pass either one recipe or data, not both", where=" ".join(paths), hint=hint)
        values, where = read_toml(Path(paths[0])), paths[0]
    else:
        values = {"data": specs_of(data, folder, console)}
    changes = dotted(settings)
    if changes and isinstance(values.get("training"), dict):
        for key in ("planned_steps", "planned_for", "replanned"):  # other settings may need other times
            values["training"].pop(key, None)
    if "model.name" in changes:
        _replace_model(values, changes)
    for key, value in changes.items():
        table, _, split = key.partition(".")
        if table == "data" and split in SPLITS:
            value = [spec for specs in specs_of(value, folder, console, split).values() for spec in specs]
        put(values, key, value)
    recipe = Recipe.build(values, where=place(settings, where))
    model = recipe.model
    if model.name is not None and model.name not in PACKAGED:
        model.name = _absolute(model.name)
    if model.saved_tokenizer is not None and model.tokenizer not in PACKAGED:
        model.tokenizer = _absolute(model.saved_tokenizer)
    for specs in (recipe.data.train, recipe.data.validation, recipe.data.test):
        specs[:] = [_absolute(spec) for spec in specs]
    return recipe


def specs_of(data: Any, folder: Path, console: Console, split: str = "train") -> dict[str, list[str]]:
    """The sources of each split, or of `split` if the data has none; data in memory is written to a folder first."""
    paths = paths_in(data)
    if paths == [] and split == "train":
        raise SourceError("there are no rows: the list is empty", where="list", hint="pass data with rows")
    if paths is not None:
        if not all(path.strip() for path in paths):
            hint = "check the variable that it comes from; . is the current directory"
            raise UsageError("a path is empty", where="data" if split == "train" else split, hint=hint)
        return {split: paths}
    tables = tables_in(data) or _rows_of_splits(data)
    if tables is None:
        write_copy(data, folder / f"{split}.parquet")
        return {split: [str(folder / f"{split}.parquet")]}
    found: dict[str, list[str]] = {}
    for name, table in tables.items():
        if part := split_of(name) or (split if len(tables) == 1 else ""):
            write_copy(table, folder / f"{name}.parquet", f"{type(data).__name__} [{name}]")
            found.setdefault(part, []).append(str(folder / f"{name}.parquet"))
        else:
            console.decision(Decision("ignored", name, "no split of this name is used"))
    if not found:
        hint = "rename its splits, or pass one of them"
        raise SourceError(f"no split is called train, validation or test: {listing(list(tables))}", hint=hint)
    return found


def _rows_of_splits(data: Any) -> Mapping[str, Any] | None:
    """The rows of each split in `{"train": [{"text": ...}, ...], "test": ...}`; None for other data."""
    if not isinstance(data, Mapping) or not data:
        return None
    return data if all(split_of(str(name)) and are_rows(rows) for name, rows in data.items()) else None


def _replace_model(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Remove what a recipe says of a new model, and of its tokenizer, when a named model takes its place."""
    model = values.get("model")
    if not isinstance(model, dict):
        return
    renewed = changes.get("model.fresh_tokenizer", model.get("fresh_tokenizer"))
    for key in ("from_scratch", "architecture", *(() if renewed else ("tokenizer", "vocabulary_size"))):
        if f"model.{key}" not in changes:
            model.pop(key, None)


def set_by_user(section: Section) -> dict[str, Any]:
    """The values that were set in a recipe, without its defaults: the task's own defaults still apply to the rest."""
    values = {name: getattr(section, name) for name in type(section).model_fields}
    return {
        name: set_by_user(value) if isinstance(value, Section) else value
        for name, value in values.items()
        if isinstance(value, Section) or name in section.model_fields_set
    }


def with_changes(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Copy a recipe and set some keys (dotted); what was not set before stays open.

    Raises:
        RecipeError: The result is not a valid recipe.
    """
    values = set_by_user(recipe)
    for key, value in changes.items():
        put(values, key, value)
    return Recipe.build(values)


def _absolute(spec: str) -> str:
    try:
        return str(Path(spec).absolute()) if Path(spec).exists() else spec
    except OSError:
        return spec  # the reader reports what is wrong with it
