"""What the columns of a table may be where no task fits them clearly: unread columns, and commands to choose from."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from transformers import PretrainedConfig

from luthier.data.columns.fields import flattened, with_fields
from luthier.data.columns.metadata import is_metadata
from luthier.data.columns.profile import (
    ColumnProfile,
    Recognition,
    is_certain_id,
    is_mark,
    is_split,
    is_unnamed,
    words_of,
)
from luthier.data.columns.roles import Columns, is_named, is_prose, is_structured, several
from luthier.data.reading.memory import name_of_copy
from luthier.recipe import Recipe
from luthier.tasks.registry import registry

Profiles = Mapping[str, ColumnProfile]
NAMED = 0.9  # confidence of a label that is named like one
TARGET_NAMES = ("answer", "response", "completion", "output", "reply")  # of texts to be written
CHOICES = {"choice", "choices", "option", "options", "ending", "endings", "candidate", "candidates"}  # of a question
LONGER = 3  # times as long as what is read, from which an unread text is likely what should be


def unread(recognition: Recognition, profiles: Profiles) -> list[str]:
    """The columns that a recognition does not use although they may be an input or a target.

    Ids, splits, constants, metadata and headings may stay unread, unless they are named like a label, and so may empty
    columns, unless they are named like any role of a task. Different whole numbers in no order may be a salary.
    """
    used = {name for columns in recognition.columns.values() for name in several(columns)}
    return [name for name, column in profiles.items() if name not in used and _may_be_needed(column)]


def lost_text(recognition: Recognition, profiles: Profiles) -> str:
    """The column of texts that a recognition does not read although they are likely its input or target.

    They are far longer than those that it reads, named like answers beside a label that is not named like one, or the
    choices of a question, of which the label may be the number.
    """
    read = [name for columns in recognition.columns.values() for name in several(columns)]
    if not profiles.keys() >= set(read):  # fields of objects
        return ""
    long = LONGER * max(profiles[name].mean_chars for name in read)
    labelled = any(role in recognition.columns for role in ("label", "labels"))
    guessed = recognition.confidence < NAMED and labelled
    for name in unread(recognition, profiles):
        derived = any(set(words_of(one)) <= set(words_of(name)) for one in read)  # such as `sentence_parse`
        text = is_prose(profiles[name]) or profiles[name].structure.item == "text"
        target = guessed and is_named(name, TARGET_NAMES)
        if labelled and _are_choices(profiles[name]):
            return name
        if (profiles[name].mean_chars > long or target) and text and not derived:
            return name
    return ""


def commands(recipe: Recipe, profiles: Profiles, model: PretrainedConfig | None, only: str | None = None) -> list[str]:
    """Commands that read the columns in each way that a task thinks likely, or calls for data in memory.

    Args:
        recipe: The data, and the model if it names one.
        profiles: The table's columns.
        model: The model's configuration: only tasks that it supports are offered.
        only: The only task to offer; None for all.
    """
    flat = flattened(profiles, lists=True)
    found = []
    offered = {name: task for name, task in registry().items() if only in (None, name)}
    for name, task in offered.items():
        for columns in task.likely({**flat, **profiles}) if model is None or task.fits(model) else []:
            flags = {role.name for role in task.roles if role.kind == "label" and not role.learned}
            roles = [role for role in task.roles if not role.learned and role.name not in flags]
            inputs = [column for role in roles for column in several(columns.get(role.name))]
            targets = [column for role in task.roles if role.learned for column in several(columns.get(role.name))]
            # A task that only writes texts has no other input.
            given: Columns = {"text": inputs, "label": targets} if inputs else {"text": targets}
            given |= {role: name for role, name in columns.items() if role in flags}
            if task.recognise(with_fields(profiles, inputs + targets), given, None) is not None:
                found.append(_command(recipe, name, given))
    return found


def task_commands(recipe: Recipe, tasks: Sequence[str]) -> list[str]:
    """The command of a recipe for each of several tasks; the task finds the columns that the recipe does not name."""
    return [_command(recipe, task, recipe.data.columns) for task in tasks]


def shape_commands(recipe: Recipe, found: Recognition) -> list[str]:
    """The command of a recipe for each of the shapes that a recognition has to be asked about."""
    columns: Columns = {"text": [name for role in ("text", "text_pair") for name in several(found.columns.get(role))]}
    columns["label"] = [name for role in ("label", "labels") for name in several(found.columns.get(role))]
    return [_command(recipe, found.task, columns, shape) for shape in found.shapes]


def _are_choices(column: ColumnProfile) -> bool:
    """Whether a column holds the choices of a question, or one of them: `choices`, `option_a`, `ending0`."""
    words = words_of(column.name)
    text = is_prose(column) or is_structured(column)
    return text and bool(words) and words[0] in CHOICES and (len(words) == 1 or list(map(len, words[1:])) == [1])


def _may_be_needed(column: ColumnProfile) -> bool:
    roles = [role for task in registry().values() for role in task.roles]
    roles = [role for role in roles if is_named(column.name, [role.name, *role.names])]
    if column.missing_share == 1 or any(role.kind == "label" for role in roles):
        return bool(roles)
    about = is_metadata(column) and not is_unnamed(column.name)
    return not (about or is_split(column) or is_certain_id(column) or (column.distinct < 2 and not is_mark(column)))


def _command(recipe: Recipe, task: str, given: Columns, shape: str = "") -> str:
    data = recipe.data
    if any(name_of_copy(Path(source)) for source in data.train):  # the copy is deleted
        return _call(recipe, task, given, shape)
    words = ["luthier", "train", *data.train]
    for option, values in (("--valid", data.validation), ("--test", data.test)):
        words += [word for value in values for word in (option, value)]
    words += ["--model", str(recipe.model.name)] if recipe.model.name else []
    words += ["--from-scratch", recipe.model.from_scratch] if recipe.model.from_scratch else []
    words += ["--task", task]
    for role, columns in given.items():
        names = ",".join(several(columns))
        if names:
            words += [f"--{role}", names] if role in ("text", "label") else ["--column", f"{role}={names}"]
    words += ["--set", f"data.shape={shape}"] if shape else []
    return shlex.join(words)


def _call(recipe: Recipe, task: str, given: Columns, shape: str) -> str:
    """The call in Python that reads the columns so; `data` stands for what was passed."""
    named = {role: names if len(names) > 1 else names[0] for role, names in _several(given).items()}
    short = {role: names for role, names in named.items() if role in ("text", "label")}
    others = {role: names for role, names in named.items() if role not in short}
    model = {"model": recipe.model.name, "from_scratch": recipe.model.from_scratch}
    settings = {**model, "task": task, **short, "columns": others, "shape": shape}
    words = ["data", *(f"{key}={value!r}" for key, value in settings.items() if value)]
    return f"luthier.train({', '.join(words)})"


def _several(given: Columns) -> dict[str, list[str]]:
    return {role: names for role, columns in given.items() if (names := several(columns))}
