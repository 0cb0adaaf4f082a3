"""Read source rows into a task's examples and account for every row."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from datasets import Dataset

from luthier.data.examples import MOST_HELD, dataset_of, joined, take
from luthier.data.reading.sources import Source
from luthier.data.records import Record, Skipped
from luthier.data.splits import SPLIT_OF
from luthier.data.values import is_missing
from luthier.interrupts import check
from luthier.storage.spilled import spilled_table

CHUNK = 10_000  # rows converted to Arrow at once

Example = dict[str, Any]


@dataclass
class Accounts:
    """Row counts of one split: read = kept + skipped."""

    read: int = 0
    kept: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, row: Example | Skipped) -> None:
        """Count a row."""
        self.read += 1
        if isinstance(row, Skipped):
            self.skipped[row.reason] += 1
        else:
            self.kept += 1

    def to_dict(self) -> dict[str, Any]:
        return {"read": self.read, "kept": self.kept, "skipped": dict(sorted(self.skipped.items()))}


@dataclass
class Table:
    """The examples of each split, with row counts and skipped rows.

    Args:
        examples: Split to its examples.
        accounts: Split to its row counts.
        skipped: Rows that were skipped.
    """

    examples: dict[str, Dataset]
    accounts: dict[str, Accounts]
    skipped: list[Skipped]

    def drop(self, examples: Dataset, split: str, reason: str, positions: Collection[int], detail: str = "") -> Dataset:
        """Return a split's examples without those at `positions`, which are recorded as skipped rows."""
        if not positions:
            return examples
        account = self.accounts[split if split in self.examples else "train"]
        for i in positions:
            example = examples[i]
            why = detail or str(example.get("label", ""))
            self.skipped.append(Skipped(example["source"], example["row"], reason, why))
            account.skipped[reason] += 1
            account.kept -= 1
        gone = set(positions)
        return take(examples, [i for i in range(len(examples)) if i not in gone])


def read(
    sources: Mapping[str, Sequence[Source]],
    to_example: Callable[[Record], Example | Skipped],
    split_column: str | None = None,
) -> Table:
    """Read every row of every source.

    Args:
        sources: Split to its sources.
        to_example: Converts a row to an example of the task, or to a skipped row.
        split_column: Column that names the split of each row; only used in sources of the training split.
    """
    builders: dict[str, _Builder] = {}
    accounts: dict[str, Accounts] = {}
    skipped: list[Skipped] = []
    for split, found in examples_of(sources, to_example, split_column):
        accounts.setdefault(split, Accounts()).add(found)
        if isinstance(found, Skipped):
            skipped.append(found)
        else:
            builders.setdefault(split, _Builder()).add(found)
    for split in sources:
        accounts.setdefault(split, Accounts())
    return Table({split: builder.dataset() for split, builder in builders.items()}, accounts, skipped)


def examples_of(
    sources: Mapping[str, Sequence[Source]],
    to_example: Callable[[Record], Example | Skipped],
    split_column: str | None = None,
) -> Iterator[tuple[str, Example | Skipped]]:
    """Yield every row of every source with its split. The arguments are those of `read`."""
    for given, row in _rows(sources):
        split, record = _placed(given, row, split_column if given == "train" else None)
        yield split, record if isinstance(record, Skipped) else to_example(record)


def _rows(sources: Mapping[str, Sequence[Source]]) -> Iterator[tuple[str, Record | Skipped]]:
    for split, several in sources.items():
        for source in several:
            for record in source.records():
                check()
                yield split, record


def _placed(given: str, row: Record | Skipped, column: str | None) -> tuple[str, Record | Skipped]:
    """A row with its split: the one named in its split column, or that of its source."""
    if column is None or isinstance(row, Skipped):
        return given, row
    value = row.values.get(column)
    name = "" if is_missing(value) else str(value).strip().lower()
    if name in SPLIT_OF:
        return SPLIT_OF[name], row
    return given, Skipped(row.source, row.row, "unknown-split", f"column {column!r} is {value!r}")


class _Builder:
    """Collects examples in Arrow chunk by chunk, to keep few Python objects in memory, and large data on disk."""

    def __init__(self) -> None:
        self._rows: list[Example] = []
        self._held: list[pa.Table] = []
        self._spilled: list[pa.Table] = []

    def add(self, row: Example) -> None:
        self._rows.append(row)
        if len(self._rows) >= CHUNK:
            self._seal()

    def dataset(self) -> Dataset:
        self._seal()
        return dataset_of(joined([*self._spilled, *self._held]))

    def _seal(self) -> None:
        if self._rows:
            self._held.append(pa.Table.from_pylist(self._rows))
            self._rows = []
        if sum(table.nbytes for table in self._held) > MOST_HELD:
            table = joined(self._held)
            self._spilled.append(spilled_table([table], table.schema))
            self._held = []


def describe_rows(examples: Dataset, indices: Iterable[int]) -> str:
    """Describe the source rows of examples: `reviews.csv, rows 3, 17, 20`."""
    by_source: dict[str, list[int]] = {}
    for i in indices:
        by_source.setdefault(examples[int(i)]["source"], []).append(examples[int(i)]["row"])
    return "; ".join(
        f"{source}, {'rows' if len(rows) > 1 else 'row'} {', '.join(map(str, sorted(rows)[:20]))}"
        for source, rows in by_source.items()
    )
