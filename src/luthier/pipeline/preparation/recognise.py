"""Recognise the task that the data is for, and the roles of its columns."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from transformers import PretrainedConfig

from luthier.data.columns.fields import flattened, with_fields
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.columns.roles import SHORT, SPLIT, Given, described, is_structured, several, there_are
from luthier.errors import ColumnError, ModelError, RecipeError, nearest
from luthier.models.families import families_of
from luthier.pipeline.preparation.readings import commands, lost_text, shape_commands, task_commands, unread
from luthier.plugins import OURS
from luthier.recipe import Recipe
from luthier.tasks.base import Task
from luthier.tasks.registry import find, registry
from luthier.text import listing, plural, with_article

GUESS = 0.3  # confidence up to which a task is not chosen without asking
CLEAR = 0.6  # confidence above which no other reading is looked for
CLEAR_FIELDS = 0.8  # confidence above which fields of objects are taken without asking


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
        ColumnError: No task fits, or a column that may be the target would stay unread; the hint offers the likely
            readings as commands.
        ModelError: The model supports no task that fits the data.
        RecipeError: A column is named for a role, or a shape is named, that no candidate task has.
    """
    given = {role: columns for role, columns in recipe.data.columns.items() if columns}
    named = [name for columns in given.values() for name in several(columns)]
    profiles = with_fields(profiles, named)
    require(named, profiles, where=where)
    tasks = [find(recipe.task, where="task")] if recipe.task else list(registry().values())
    _require_roles(given, tasks)
    sure = _sure(tasks, profiles, given, recipe.data.shape)
    shapes = [shape for task in tasks for shape in task.shapes]
    if not sure and recipe.data.shape and shapes and recipe.data.shape not in shapes:
        raise RecipeError(
            f"no shape {recipe.data.shape!r}", where="data.shape", hint=nearest(recipe.data.shape, shapes)
        )
    best = max(sure, key=_rank, default=None)
    if best is None or (not recipe.task and (best.confidence <= GUESS or find(best.task).unlabelled)):
        _refuse_nested(given, profiles, where, f"{recipe.task} cannot" if recipe.task else "no task can")
    if best is None and recipe.task:
        ready = [] if given else commands(recipe, profiles, model, only=recipe.task)
        raise _no_columns(tasks[0], profiles, given, where, ready)
    if best is None:
        raise _unclear(f"no task fits the columns: {there_are(profiles)}", recipe, profiles, model, where)
    if model is not None:
        best = _fitting(best, sure, tasks, recipe, profiles, model, where)
    if best.unclear and best.shapes:
        hint = _run_one_of(shape_commands(recipe, best)) + "set data.shape"
        raise ColumnError(best.unclear, where=where, hint=hint)
    if best.unclear:
        raise _unclear(best.unclear, recipe, profiles, model, where)
    if recipe.task:
        return best
    equal = [one.task for one in sure if _rank(one) == _rank(best) and (not model or find(one.task).fits(model))]
    if len(equal) > 1 and any(find(task).package != OURS for task in equal):  # Luthier's own have an order
        what = f"the task is unclear: {listing(equal)} fit the columns equally well"
        raise ColumnError(what, where=where, hint=f"{_run_one_of(task_commands(recipe, equal))}set --task")
    ignored = unread(best, profiles) if find(best.task).unlabelled else []
    if ignored:
        columns = "; ".join(described(profiles[name]) for name in ignored[:4])
        what = f"the task is unclear: {best.task} would ignore {plural(len(ignored), 'column')}: {columns}"
        raise _unclear(what, recipe, profiles, model, where)
    if not given and (lost := lost_text(best, profiles)):
        read = listing([repr(name) for columns in best.columns.values() for name in several(columns)], 4)
        what = f"the task is unclear: {best.task} would read {read}, but not the texts of {lost!r}"
        raise _unclear(what, recipe, profiles, model, where)
    if best.confidence <= GUESS and not given:
        what = f"the task is unclear, {best.task} is only a guess: {there_are(profiles)}"
        raise _unclear(what, recipe, profiles, model, where)
    return best


def _fitting(
    best: Recognition,
    sure: Sequence[Recognition],
    tasks: Sequence[Task[Any]],
    recipe: Recipe,
    profiles: Mapping[str, ColumnProfile],
    model: PretrainedConfig,
    where: str,
) -> Recognition:
    """The most confident recognition whose task the model supports."""
    given = {role: columns for role, columns in recipe.data.columns.items() if columns}
    families = families_of(model)
    fitting = [recognition for recognition in sure if find(recognition.task).fits(model)]
    of_family = [task for task in tasks if task.family in families]
    if not fitting and of_family and find(best.task).unlabelled:
        offered = commands(recipe, profiles, model) if not recipe.task else []
        raise _no_columns(max(of_family, key=lambda task: task.broad), profiles, given, where, offered)
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


def _sure(
    tasks: Sequence[Task[Any]], profiles: Mapping[str, ColumnProfile], given: Given, shape: str | None
) -> list[Recognition]:
    """What each task recognises. If that is little, the fields of objects are columns too, where they are clear."""
    sure = _recognised(tasks, profiles, given, shape)
    best = max(sure, key=_rank, default=None)
    if best is not None and best.confidence >= CLEAR and not find(best.task).unlabelled:
        return sure
    named = {name: profiles[name] for columns in given.values() for name in several(columns)}
    flat = flattened(profiles, lists=False) | named
    if flat.keys() <= profiles.keys():
        return sure
    found = _recognised([task for task in tasks if not task.unlabelled], flat, given, shape)
    return [*sure, *(one for one in found if one.confidence >= CLEAR_FIELDS and not _is_one_of_many(one, profiles))]


def _is_one_of_many(found: Recognition, profiles: Mapping[str, ColumnProfile]) -> bool:
    """Whether a label is a field beside others of the same values, as where the keys are aspects with a sentiment."""
    labels = [name for role in ("label", "labels") for name in several(found.columns.get(role))]
    for column in profiles.values():
        for name in column.fields.keys() & set(labels):
            others = [cell for cell in column.cells if isinstance(cell, dict)]
            beside = {str(value) for cell in others for key, value in cell.items() if f"{column.name}.{key}" != name}
            if beside and beside <= set(column.fields[name].values or ()):
                return True
    return False


def _recognised(
    tasks: Sequence[Task[Any]], profiles: Mapping[str, ColumnProfile], given: Given, shape: str | None
) -> list[Recognition]:
    """What each task recognises, under its own name: a task that extends another may recognise as that one does."""
    found = ((task.name, task.recognise(profiles, given, shape)) for task in tasks)
    return [replace(one, task=name) for name, one in found if one is not None]


def _require_roles(given: Mapping[str, Any], tasks: Sequence[Task[Any]]) -> None:
    known = {role.name: None for task in tasks for role in task.roles}
    unknown = [role for role in given if role not in {*known, *SHORT, SPLIT}]
    if unknown:
        raise RecipeError(
            f"no role {unknown[0]!r}" + (f" in {tasks[0].name}" if len(tasks) == 1 else ""),
            where=f"data.columns.{unknown[0]}",
            hint=nearest(unknown[0], [*known, SPLIT]),
        )


def _refuse_nested(given: Given, profiles: Mapping[str, ColumnProfile], where: str, cannot: str) -> None:
    """Refuse a column that was named although it holds lists or objects, which the task cannot read in its role."""
    options = {"text": "--text ", "text_pair": "--text ", "label": "--label ", "labels": "--label "}
    for role, name in ((role, name) for role, columns in given.items() for name in several(columns)):
        column, option = profiles[name], options.get(role, f"--column {role}=")
        if is_structured(column):
            fields = listing([option + shlex.quote(field) for field in column.fields], 4)
            hint = f"name one of its fields: {fields}" if fields else "name another column, or join its lists to texts"
            what = f"column {described(column)}, which {cannot} read as {role.replace('_', ' ')}"
            raise ColumnError(what, where=f"{where}, {option.rstrip(' =')}", hint=hint)


def _unclear(
    what: str, recipe: Recipe, profiles: Mapping[str, ColumnProfile], model: PretrainedConfig | None, where: str
) -> ColumnError:
    """The error that offers the likely readings of the columns as commands."""
    hint = _run_one_of(commands(recipe, profiles, model)) + "choose the columns with --text and --label, and set --task"
    return ColumnError(what, where=where, hint=hint)


def _run_one_of(ready: Sequence[str]) -> str:
    return f"run one of: {'; '.join(f'`{command}`' for command in ready)}; or " if ready else ""


def _no_columns(
    task: Task[Any],
    profiles: Mapping[str, ColumnProfile],
    given: Mapping[str, Any],
    where: str,
    offered: Sequence[str] = (),
) -> ColumnError:
    return ColumnError(
        f"no columns for {task.name}: {task.why_not(profiles, given)}",
        where=where,
        hint=f"{_run_one_of(offered)}choose others with --text and --label, or set --task; "
        f"columns: {listing(list(profiles), 12)}",
    )


def _rank(recognition: Recognition) -> tuple[float, bool]:
    return recognition.confidence, not find(recognition.task).broad
