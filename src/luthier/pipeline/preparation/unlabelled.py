"""Held-out files whose labels were left out, as in the test files of competitions and benchmarks."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.data.checks.labels import MISSING_WORDS
from luthier.data.columns.fields import column_of, read_fields
from luthier.data.columns.profile import ColumnProfile, is_id_name
from luthier.data.columns.roles import several
from luthier.data.reading.sources import Source
from luthier.data.records import Record
from luthier.data.values import as_number, is_missing
from luthier.findings import Decision
from luthier.recipe import Recipe
from luthier.tasks.phases import Recognised
from luthier.text import listing, plural

Sources = dict[str, list[Source]]
_PLACEHOLDERS = {*MISSING_WORDS, "unknown", "unlabeled", "unlabelled", "unsup"}


def with_labels(
    sources: Sources, reader: Recognised[Any], profiles: Mapping[str, ColumnProfile], recipe: Recipe
) -> tuple[Sources, list[Decision]]:
    """The sources without held-out ones that have no label in any row, and why they are not used.

    Those that the user named as validation or test data are kept: that they have no labels is an error.
    """
    roles = [role for role in reader.kind.roles if role.learned and role.name in reader.columns]
    columns = [name for role in roles for name in several(reader.columns[role.name])]
    named = {"train": recipe.data.train, "validation": recipe.data.validation, "test": recipe.data.test}
    kept, decisions = dict(sources), []
    for split in [split for split in sources if not named[split] and reader.asked()]:
        trained = [name for source in sources["train"] for name in source.columns]
        if why := _why_unlabelled(sources[split], trained, columns, profiles):
            del kept[split]
            names = [Path(source.name).name for source in sources[split]]
            why += f"; `luthier predict RUN --file {shlex.quote(sources[split][0].name)}` predicts them"
            decisions.append(Decision("not used", listing(names), why))
    return kept, decisions


def _why_unlabelled(
    sources: Sequence[Source], trained: Sequence[str], columns: Sequence[str], profiles: Mapping[str, ColumnProfile]
) -> str:
    """Why no row of a split has a label; empty if one may have."""
    held: dict[str, str] = {}
    rows = 0
    for source in sources:
        lacking = any(name.partition(".")[0] not in source.columns for name in columns)
        if lacking and any(name not in trained and not is_id_name(name) for name in source.columns):
            return ""  # another column may hold the labels
        for row in source.records():
            if not isinstance(row, Record):
                continue
            rows += 1
            values = read_fields(row.values, columns)
            for name in columns:
                label = "" if is_missing(values.get(name)) else str(values[name])
                if held.setdefault(name, label) != label or (label and not _is_placeholder(name, label, profiles)):
                    return ""
    if not rows:
        return ""
    quoted = listing([repr(name) for name in columns], 4)
    labels = sorted(set(filter(None, held.values())))
    what = f"is {listing(list(map(repr, labels)))}, which no training row has," if labels else "has no value"
    return f"{quoted} {what} in all of its {plural(rows, 'row')}"


def _is_placeholder(name: str, label: str, profiles: Mapping[str, ColumnProfile]) -> bool:
    """Whether a label that no training row has stands for a missing one, as -1 does."""
    number, column = as_number(label), column_of(profiles, name)
    if column is None or label in (column.values or ()) or label in (column.parts or ()):
        return False
    if number is not None:
        return number < 0 and (column.low is None or number < column.low)
    return label.strip().casefold() in _PLACEHOLDERS
