"""Fields of columns of objects as columns of their own: `review.body` is the field `body` of the column `review`."""

from collections.abc import Iterable, Mapping
from typing import Any

from luthier.data.columns.profile import ColumnProfile
from luthier.data.columns.roles import Profiles
from luthier.data.values import field_of


def column_of(profiles: Profiles, name: str) -> ColumnProfile | None:
    """The profile of a column, or of a field of a column of objects; None if there is neither."""
    if name in profiles:
        return profiles[name]
    for column in profiles.values():
        if name.startswith(f"{column.name}.") and (found := column_of(column.fields, name)):
            return found
    return None


def with_fields(profiles: Profiles, names: Iterable[str]) -> Profiles:
    """The columns of a table, and those fields of columns of objects that are named."""
    found = {name: column for name in names if name not in profiles and (column := column_of(profiles, name))}
    return {**profiles, **found} if found else profiles


def flattened(profiles: Profiles, *, lists: bool) -> dict[str, ColumnProfile]:
    """The columns of a table, with the fields of objects in place of the objects. Constant fields are left out.

    Args:
        profiles: The table's columns.
        lists: Whether lists of objects are replaced too; each of their fields is a list.
    """
    found: dict[str, ColumnProfile] = {}
    for name, column in profiles.items():
        if column.fields and column.flags is None and (lists or not column.structure.item):
            varied = {field: inner for field, inner in column.fields.items() if inner.distinct > 1}
            found |= flattened(varied, lists=lists)
        else:
            found[name] = column
    return found


def read_fields(values: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    """A row, with those fields of its objects that are named as further values."""
    absent = [name for name in names if name not in values and "." in name]
    found: dict[str, Any] = {}
    for name in absent:
        for column in values:
            if name.startswith(f"{column}."):
                found[name] = field_of(values[column], name.removeprefix(f"{column}."))
    return {**values, **found} if found else values
