"""Rows as read from a source, before a task interprets them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Record:
    """One row as read from its source.

    Args:
        source: Source name as the user gave it (for a class folder, the relative path of the file).
        row: 1-based row number in the source, not counting a header.
        values: Column to value. Text formats yield strings exactly as written; typed formats keep their types.
    """

    source: str
    row: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A skipped row with its reason; one line of `skipped.jsonl`.

    Args:
        source: As in `Record`.
        row: As in `Record`.
        reason: Stable kebab-case reason, such as `missing-label`, by which skipped rows are counted.
        detail: Human-readable details of the problem.
    """

    source: str
    row: int
    reason: str
    detail: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be used, without the row's source and number.

    Args:
        reason: As in `Skipped`.
        detail: As in `Skipped`.
    """

    reason: str
    detail: str

    @classmethod
    def empty(cls, reason: str, values: Mapping[str, Any], column: Any) -> "Fault":
        """Of a row whose cell in a column is empty, or whose file has no such column."""
        return cls(reason, f"column {column!r} {'is empty' if column in values else 'is not there'}")

    def of(self, record: Record) -> Skipped:
        """The skipped row for a record with this fault."""
        return self.at(record.source, record.row)

    def at(self, source: str, row: int, place: str = "") -> Skipped:
        """The skipped row for a source and row number.

        Args:
            source: As in `Record`.
            row: As in `Record`.
            place: Location in the file, such as `line 7`, put before the detail.
        """
        return Skipped(source, row, self.reason, f"{place}: {self.detail}" if place else self.detail)


def all_sound(found: Iterable[Value | Fault]) -> list[Value] | Fault:
    """The parts of a row, or the first fault among them."""
    parts: list[Value] = []
    for one in found:
        if isinstance(one, Fault):
            return one
        parts.append(one)
    return parts
