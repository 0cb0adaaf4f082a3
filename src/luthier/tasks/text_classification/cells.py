"""How the cells of a label column are written, and the labels in a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from luthier.data.columns.flags import Flags
from luthier.data.columns.numbers import Writing
from luthier.data.columns.profile import ColumnProfile, is_mark
from luthier.data.records import Fault
from luthier.data.values import WRITTEN_LIST, as_number, flag_in, is_missing, split_labels
from luthier.tasks.label_names import LABEL_NAMES
from luthier.tasks.roles import NO_TEXT
from luthier.tasks.text_classification.strays import strays_of
from luthier.text import shorten


@dataclass(frozen=True)
class Cells:
    """How the cells of a label column are written.

    Args:
        separator: Separator of several labels in one cell (`ColumnProfile.separator`).
        flags: The labels, if a cell holds a flag for each.
        words: The labels that are not whole numbers, if nearly all labels are: other such cells are no labels. None if
            any text can be a label.
        finite: Whether all labels are numbers, so that NaN and infinity are none.
        writing: How numbers are written; None for plain ones.
        marks: What a label's own column holds where the label is set, in lower case, if other cells are empty.
    """

    separator: str | None = None
    flags: Flags | None = None
    words: Sequence[str] | None = None
    finite: bool | None = None
    writing: Writing | None = None
    marks: Sequence[str] | None = None

    @classmethod
    def of(cls, columns: Sequence[ColumnProfile]) -> Self:
        """How the cells of a label column are written, or those of several columns of one label each."""
        if len(columns) != 1:
            marks = {value.strip().casefold() for column in columns for value in column.values or ()}
            return cls(marks=sorted(marks) if columns and all(map(is_mark, columns)) else None)
        column = columns[0]
        strays = strays_of(column)
        words = None if strays is None else strays.words
        # Lists may be written as text in another table.
        lists = WRITTEN_LIST if column.structure.item == "text" and column.flags is None else None
        finite = bool(column.not_finite) or None
        return cls(column.separator or lists, column.flags, words, finite, column.writing)

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> Self:
        """What `details` wrote. Names of labels that are codes are labels, too."""
        flags = details.get("flags")
        names = Flags(**{**flags, "names": tuple(flags["names"])}) if flags else None
        words, codes = details.get("words"), details.get(LABEL_NAMES, {})
        words = None if words is None else [*words, *codes, *codes.values()]
        writing = Writing(**details["writing"]) if details.get("writing") else None
        plain = {field.name: details.get(field.name) for field in fields(cls)}
        return cls(**plain | {"flags": names, "words": words, "writing": writing})

    def details(self) -> dict[str, Any]:
        """The form that is stored in task cards."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def number(self, value: Any) -> float | None:
        """The number in a cell; None if it is not a finite one."""
        return self.writing.number(value) if self.writing else as_number(value)

    def not_a_number(self, value: Any, column: str) -> Fault:
        """Why a cell is skipped that is no finite number, with the spelling that is read."""
        sample = self.writing.sample() if self.writing else "1250.5"
        return Fault("bad-label", f"column {column!r} is {_quote(value)}, not a finite number such as {sample}")

    def flag(self, value: Any) -> bool | None:
        """Whether a cell of a label's own column sets the label; None if it is no flag."""
        if self.marks is None:
            return flag_in(value)
        return False if is_missing(value) else (str(value).strip().casefold() in self.marks or None)

    def may_be_empty(self, value: Any) -> bool:
        """Whether a missing value means that no label is set: in joined labels, in a file or in memory."""
        joined = self.separator not in (None, WRITTEN_LIST)
        return joined or (self.separator is None and self.flags is None and isinstance(value, str))

    def labels(self, values: Mapping[str, Any], column: str) -> list[str] | Fault:
        """The labels in a row's cell, none for an empty one, or why they cannot be read."""
        value = values.get(column)
        if self.flags is not None:
            if is_missing(value):
                return Fault.empty("missing-label", values, column)
            found = self.flags.labels(value)
            flags = f"{len(self.flags.names)} flags"
            return Fault("bad-label", f"column {column!r} is {_quote(value)}, not {flags}") if found is None else found
        items = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(item, NO_TEXT) for item in items):
            return Fault("bad-label", f"column {column!r} is {_quote(value)}, not a label")
        return split_labels(value, self.separator)

    def label(self, values: Mapping[str, Any], column: str) -> str | Fault:
        """The only label in a row's cell, or why there is none."""
        value = values.get(column)
        if is_missing(value):
            return Fault.empty("missing-label", values, column)
        if self.flags is not None or self.separator == WRITTEN_LIST or isinstance(value, NO_TEXT):
            labels = self.labels(values, column)
            if isinstance(labels, Fault):
                return labels
            if len(labels) != 1:
                reason = "bad-label" if labels else "missing-label"
                return Fault(reason, f"column {column!r} is {_quote(value)}: {len(labels)} labels instead of one")
            return labels[0]
        number = self.number(value)
        if self.words is not None and str(value) not in self.words and (number is None or not number.is_integer()):
            detail = f"column {column!r} is {_quote(value)}, but the labels are whole numbers"
            return Fault("bad-label", detail)
        if self.finite and number is None:
            return self.not_a_number(value, column)
        return str(value)


def _quote(value: Any) -> str:
    return shorten(repr(value), 60)
