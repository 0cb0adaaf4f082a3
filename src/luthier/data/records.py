"""The rows of a source, before any task has looked at them."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it was read.

    Args:
        source: Name of the source as the user gave it (for a folder: of the file inside it).
        row: 1-based number of the row among the data rows of that source (a header does not count).
        values: Column to value. Text formats give strings exactly as written; typed formats give their types.
    """

    source: str
    row: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Skipped:
    """One row that was skipped, with the reason; a line of `skipped.jsonl`.

    Args:
        source: As in `Record`.
        row: As in `Record`.
        reason: Stable kebab-case reason, such as `missing-label`: rows are counted by it.
        detail: What exactly was wrong, for a person.
    """

    source: str
    row: int
    reason: str
    detail: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be used, before anybody knows which row it is.

    Args:
        reason: As in `Skipped`.
        detail: As in `Skipped`.
    """

    reason: str
    detail: str

    def of(self, record: Record) -> Skipped:
        """The row skipped for it."""
        return self.at(record.source, record.row)

    def at(self, source: str, row: int, place: str = "") -> Skipped:
        """The row skipped for it, for readers.

        Args:
            source: As in `Record`.
            row: As in `Record`.
            place: Where in the file it is, such as `line 7`: the detail then begins with it.
        """
        return Skipped(source, row, self.reason, f"{place}: {self.detail}" if place else self.detail)
