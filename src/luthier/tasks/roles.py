"""Roles of columns: how the column of a role is found and read, and a sample value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from luthier.data.columns.profile import ColumnProfile, Recognition, require, words_of
from luthier.data.columns.roles import (
    Columns,
    Given,
    Profiles,
    asked,
    by_name,
    is_prose,
    said,
    several,
    there_are,
    with_split,
)
from luthier.data.records import Fault
from luthier.data.values import is_missing
from luthier.findings import Decision
from luthier.text import listing, shorten

SURE = 0.99  # confidence if every role was found by its name
NO_TEXT = (dict, list, tuple, bytes)  # types of cells that are no texts


@dataclass(frozen=True)
class Role:
    """The role of a column in a task.

    Args:
        name: The role's name; a column of that name is preferred.
        kind: `text`, `texts` (a list of texts: several columns, or one that holds lists), or `label`.
        names: Other column names that match the role.
        needed: Whether a row must have it.
        learned: Whether it is the target, which is not part of a query.
        sample: Sample value to try the model on; by default a text of two words.
    """

    name: str
    kind: Literal["text", "texts", "label"] = "text"
    names: Sequence[str] = ()
    needed: bool = True
    learned: bool = False
    sample: str | Sequence[str] = ""

    def candidates(self, profiles: Profiles) -> list[str]:
        """The columns that may have the role, best first."""
        known = [" ".join(words_of(name)) for name in (self.name, *self.names)]
        return by_name(profiles, known, self.fits)

    def fits(self, column: ColumnProfile) -> bool:
        """Whether the content of a column fits the role."""
        if self.kind == "label":
            return column.missing_share < 1
        return (
            column.structure.item == "text" if self.kind == "texts" and column.structure.lengths else is_prose(column)
        )

    def read(self, values: Mapping[str, Any], columns: str | list[str]) -> Any:
        """The value of a row, or why there is none."""
        cells = [values.get(name) for name in several(columns)]
        if self.kind == "texts" and len(cells) == 1 and isinstance(cells[0], list | tuple):
            cells = list(cells[0])
        for name, cell in zip(several(columns) * len(cells), cells, strict=False):
            if is_missing(cell):
                reason = "missing-label" if self.kind == "label" else f"{'missing' if cell is None else 'empty'}-text"
                return Fault.empty(reason, values, name)
        if self.kind == "label":
            return cells[0]
        for cell in cells:
            if isinstance(cell, NO_TEXT):
                return not_text(several(columns)[0], cell)
        return [str(cell) for cell in cells] if self.kind == "texts" else str(cells[0])

    def trial(self) -> Any:
        """A sample value."""
        sample = self.sample or (("one text", "another text") if self.kind == "texts" else "one text")
        return sample if isinstance(sample, str) else list(sample)


def read_text(values: Mapping[str, Any], column: str) -> str | Fault:
    """The text in a row's column, or why there is none."""
    cell = values.get(column)
    if is_missing(cell):
        return Fault.empty("missing-text" if cell is None else "empty-text", values, column)
    return not_text(column, cell) if isinstance(cell, NO_TEXT) else str(cell)


def or_empty(text: str | Fault) -> str | Fault:
    """The text of a query: an empty one is valid although training skips it, a missing one is not."""
    return "" if isinstance(text, Fault) and text.reason == "empty-text" else text


def name_in_query(values: Mapping[str, Any], columns: Columns, role: str) -> str:
    """The name that the input of a query has, if there is one role to ask for: its column, the role, or `text`.

    Raises:
        ColumnError: The query has none of these.
    """
    column = str(columns[role])
    name = next((name for name in (column, role, "text") if name in values), column)
    require([name], values)
    return name


def by_column(values: Mapping[str, Any], columns: Columns, roles: Sequence[str]) -> dict[str, Any]:
    """A query's values by column, although some may be named by role.

    Raises:
        ColumnError: The column of one of the roles is missing.
    """
    named = {str(columns[role]): values[role] for role in roles if role in values} | dict(values)
    for role in roles:
        require([str(columns[role])], named, where=f"role {role!r}")
    return named


def not_text(column: str, cell: Any) -> Fault:
    """The fault of a cell that is a list, an object or bytes instead of a text."""
    kind = "an object" if isinstance(cell, dict) else "bytes" if isinstance(cell, bytes) else "a list"
    return Fault("not-text", f"column {column!r} is {kind}, not a text: {shorten(str(cell), 60)}")


def recognise_by_roles(name: str, roles: Sequence[Role], profiles: Profiles, given: Given) -> Recognition | None:
    """Find a column for each role by name and content; None unless every needed role has one.

    A role of kind `texts` takes every column of its name followed by a number or a letter (`ending0`, `ending1`).
    """
    inputs = [role.name for role in roles if not role.learned]
    target = next((role.name for role in roles if role.learned), "")
    named = asked(profiles, given, inputs, target)
    if named is None:
        return None
    found: Columns = dict(named)
    why: list[Decision] = []
    for role in roles:
        if role.name not in found:
            taken = {column for columns in found.values() for column in several(columns)}
            columns = [column for column in role.candidates(profiles) if column not in taken]
            if role.kind == "texts" and len(columns) > 1:
                columns = [column for column in profiles if column in columns]  # in the order of the file
                found[role.name] = columns
            elif columns:
                found[role.name] = columns[0]
            elif role.needed:
                return None
        if role.name in found:
            why.append(_line(role, found[role.name], profiles, given=role.name in named))
    sure = SURE if any(role.name not in named for role in roles if role.name in found) else 1.0
    return Recognition(name, "", with_split(profiles, given, found, why), sure, why)


def why_not_by_roles(roles: Sequence[Role], profiles: Profiles) -> str:
    """Explain which roles no column fits."""
    missing = [role.name for role in roles if role.needed and not role.candidates(profiles)]
    return f"no column for {listing(missing) or 'a role'}: {there_are(profiles)}"


def _line(role: Role, columns: str | list[str], profiles: Profiles, *, given: bool) -> Decision:
    how = "as given" if given else "by name"
    if isinstance(columns, str):
        return said(role.name, profiles[columns], how)
    return Decision(role.name, f"columns {listing([repr(name) for name in columns])}", how)
