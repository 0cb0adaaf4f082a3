"""The data of the tokenizer commands: opening it, and naming it in the commands that come next."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.data.columns.roles import several
from luthier.data.reading.memory import Data, paths_in
from luthier.data.reading.sources import Source
from luthier.errors import RecipeError, UsageError
from luthier.pipeline.preparation.opening import Found, open_sources, recognise_columns
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.settings import dotted
from luthier.recipe import Recipe
from luthier.storage.temporary import temporary_directory
from luthier.text import typed


@dataclass(frozen=True)
class Opened:
    """Data whose columns were recognised. The rows can be read as long as it is open.

    Args:
        data: As it was given.
        keys: The settings that were given, by recipe key.
        recipe: The recipe, with the task and the columns.
        sources: Split to its sources.
        found: The task, and a sample of the training rows.
    """

    data: Data | Recipe
    keys: Mapping[str, Any]
    recipe: Recipe
    sources: Mapping[str, Sequence[Source]]
    found: Found

    def train_command(self, *words: str) -> str:
        """A command that trains on this data; data without a path is called `DATA`.

        Args:
            words: The words after the data, quoted for the shell.
        """
        paths = None if isinstance(self.data, Recipe) else paths_in(self.data)
        parts = ["luthier", "train", *([typed(path) for path in paths or ()] or ["DATA"]), *words]
        for key, value in self.keys.items() if paths else ():
            if key == "task":
                parts += ["--task", value]
            elif key == "data.validation":
                parts += [word for path in paths_in(value) or () for word in ("--valid", typed(path))]
            elif key.startswith("data.columns."):
                parts += ["--column", shlex.quote(f"{key.removeprefix('data.columns.')}={','.join(several(value))}")]
        return " ".join(parts)


@contextmanager
def opened(data: Data | Recipe, settings: Mapping[str, Any], console: Console) -> Iterator[Opened]:
    """Open data, and recognise its task and its columns; arguments as in `train`.

    Raises:
        RecipeError: A setting is not about the data.
        DataError: The data cannot be read, or no task fits it.
    """
    keys = dotted(settings)
    for key in keys:
        if key != "task" and not key.startswith("data."):
            hint = "pass the task and the columns; `luthier.train` takes the settings of a model"
            raise RecipeError(f"tokenizers do not use {key}", where=f"{key}=", hint=hint)
    with temporary_directory() as folder:
        recipe = build_recipe(data, keys, Path(folder), console)
        sources = open_sources(recipe, Path(folder) / "stdin")
        found = recognise_columns(recipe, sources, None)
        for decision in found.decisions:
            console.decision(decision)
        yield Opened(data, keys, recipe, found.sources, found)


def checked_size(vocabulary_size: int | None) -> int | None:
    """The maximum number of tokens that was asked for.

    Raises:
        UsageError: It is not a positive whole number.
    """
    if vocabulary_size is None or (isinstance(vocabulary_size, int) and vocabulary_size > 0):
        return vocabulary_size
    what = f"vocabulary_size must be a positive whole number, got {vocabulary_size!r}"
    raise UsageError(what, where="vocabulary_size=", hint="leave it out for a size suited to the texts")
