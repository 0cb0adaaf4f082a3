"""The columns of new rows that a model predicts from, where they are not called as in training."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from luthier.console import Console
from luthier.data.columns.profile import profile
from luthier.data.columns.roles import Columns, Given, Profiles, asked, is_named, is_prose, said, several
from luthier.data.records import Record
from luthier.errors import ColumnError, UsageError
from luthier.tasks.phases import Bound
from luthier.text import listing, plural

SURE = 0.9  # least confidence of a recognition that is taken without asking
FIRST_ROWS = 1_000  # rows to recognise the columns from


def has_inputs(task: Bound[Any], columns: Sequence[str]) -> bool:
    """Whether rows with these columns can be predicted as they are: their columns are called as in training."""
    if len(columns) == len(task.asked()) == 1:
        return True  # a single column is the text, whatever its name
    try:
        task.query(dict.fromkeys(columns, ""))  # empty texts are valid queries
    except ColumnError:
        return False
    return True


def with_inputs(
    task: Bound[Any], records: Sequence[Record], given: Given, console: Console, *, where: str, again: str
) -> Bound[Any]:
    """The task for the columns of new rows: those that the user named, else recognised as in training.

    Args:
        task: The model's task.
        records: The first of the rows, with or without labels.
        given: Role to column, as the user named them.
        console: Receives the columns that were found.
        where: Name of the rows, for errors.
        again: The command that predicts them, to which `--text COLUMN` can be added.
    Raises:
        ColumnError: A column that the user named does not exist, or none or several columns may be an input.
        UsageError: The user named more columns than the model has inputs.
    """
    profiles = profile(records)
    roles = task.asked()
    target = next((role.name for role in task.kind.roles if role.learned), "")
    named = asked(profiles, given, roles, target)
    if named is None:
        what = f"the model takes {plural(len(roles), 'input')}: {listing(roles)}"
        raise UsageError(what, where=where, hint="name a column for each with --text or --column")
    found = named
    if not all(role in found for role in roles):
        whole = task.kind.recognise(profiles, given, task.shape or None)
        if whole is not None and whole.confidence >= SURE and all(role in whole.columns for role in roles):
            found = whole.columns
        else:
            found = _without_label(task, profiles, named, where, again)
    for role in roles:
        for name in several(found[role]):
            console.decision(
                said(role, profiles[name], "as given" if role in named else "named differently than in training")
            )
    return replace(task, columns={**task.columns, **{role: found[role] for role in roles}})


def _without_label(task: Bound[Any], profiles: Profiles, named: Columns, where: str, again: str) -> Columns:
    """A column for each input that the user has not named: the one of its name, or the only text."""
    found = dict(named)
    for role in [role for role in task.kind.roles if role.name in task.asked() and role.name not in found]:
        taken = {name for columns in found.values() for name in several(columns)}
        free = {name: column for name, column in profiles.items() if name not in taken}
        called = [name for name in role.candidates(free) if is_named(name, [role.name, *role.names])]
        left = called[:1] or [name for name, column in free.items() if is_prose(column)]
        others = [name for name in task.asked() if name not in found]
        if len(left) != 1 or (len(others) > 1 and not called):
            column = listing(several(task.columns[role.name]))
            choices = [f"{again} --text {shlex.quote(name)}" for name in left] if len(others) == 1 else []
            more = "name the column with --text" if len(others) == 1 else "name the columns with --text A,B"
            hint = f"choose one: {' or '.join(choices[:3])}" if choices else more
            raise ColumnError(
                f"no column {column!r}, which the model was trained on",
                where=where,
                hint=f"{hint}; columns: {listing(list(profiles), 12)}",
            )
        found[role.name] = left[0]
    return found
