"""Recognise the task that the data is for, and the roles of its columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.columns.roles import SHORT, SPLIT
from luthier.errors import ColumnError, ModelError, RecipeError, nearest
from luthier.models.families import families_of
from luthier.recipe import Recipe
from luthier.tasks.base import Task
from luthier.tasks.registry import find, registry
from luthier.text import listing, with_article


def recognise(
    recipe: Recipe, profiles: Mapping[str, ColumnProfile], where: str, model: PretrainedConfig | None
) -> Recognition:
    """Recognise the task and the columns from the content, unless the recipe names them.

    Args:
        recipe: May name the task, its shape and columns.
        profiles: The profiles of all columns.
        where: The sources' names, for errors.
        model: The configuration of the model that the recipe names: only tasks that it supports are considered.
    Raises:
        ColumnError: No task fits; the message says what is missing.
        ModelError: The model supports no task that fits the data.
        RecipeError: A column is named for a role, or a shape is named, that no candidate task has.
    """
    given = {role: columns for role, columns in recipe.data.columns.items() if columns}
    named = [name for columns in given.values() for name in ([columns] if isinstance(columns, str) else columns)]
    require(named, profiles, where=where)
    tasks = [find(recipe.task)] if recipe.task else list(registry().values())
    _require_roles(given, tasks)
    found = [task.recognise(profiles, given, recipe.data.shape) for task in tasks]
    sure = [recognition for recognition in found if recognition is not None]
    shapes = [shape for task in tasks for shape in task.shapes]
    if not sure and recipe.data.shape and shapes and recipe.data.shape not in shapes:
        raise RecipeError(
            f"no shape {recipe.data.shape!r}", where="data.shape", hint=nearest(recipe.data.shape, shapes)
        )
    if not sure:
        raise _no_columns(tasks[0], profiles, given, where)
    best = max(sure, key=_rank)
    if model is None:
        return best
    families = families_of(model)
    fitting = [recognition for recognition in sure if find(recognition.task).fits(model)]
    of_family = [task for task in tasks if task.family in families]
    if not fitting and of_family and find(best.task).unlabelled:
        raise _no_columns(max(of_family, key=lambda task: task.broad), profiles, given, where)
    if not fitting:
        family = find(best.task).family
        kind = listing(sorted(map(with_article, families))) or "not a text model"
        raise ModelError(
            f"the model's architecture ({type(model).__name__.removesuffix('Config')}) has no head for {best.task}:"
            f" it is {kind}, and the task needs {with_article(family)}",
            where=str(recipe.model.name),
            hint="choose another --model or --task; `luthier tasks` lists which architectures fit which task",
        )
    return max(fitting, key=_rank)


def _require_roles(given: Mapping[str, Any], tasks: Sequence[Task[Any]]) -> None:
    known = {role.name: None for task in tasks for role in task.roles}
    unknown = [role for role in given if role not in {*known, *SHORT, SPLIT}]
    if unknown:
        raise RecipeError(
            f"no role {unknown[0]!r}" + (f" in {tasks[0].name}" if len(tasks) == 1 else ""),
            where=f"data.columns.{unknown[0]}",
            hint=nearest(unknown[0], [*known, SPLIT]),
        )


def _no_columns(
    task: Task[Any], profiles: Mapping[str, ColumnProfile], given: Mapping[str, Any], where: str
) -> ColumnError:
    return ColumnError(
        f"no columns for {task.name}: {task.why_not(profiles, given)}",
        where=where,
        hint=f"choose others with --text and --label, or set --task; columns: {listing(list(profiles), 12)}",
    )


def _rank(recognition: Recognition) -> tuple[float, bool]:
    return recognition.confidence, not find(recognition.task).broad
