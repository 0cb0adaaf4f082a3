"""The texts of training rows, read from their sources in each pass: a corpus need not fit in memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from luthier.console import Progress
from luthier.data.reading.sources import Source
from luthier.data.records import Record, Skipped
from luthier.data.table import Accounts, Example, examples_of

CHUNK = 1_000  # rows that are held at once


class Texts:
    """The texts of the training rows of sources.

    Args:
        sources: The sources of the training split.
        to_example: As in `luthier.data.table.read`.
        to_texts: The texts of examples, given as columns.
        split_column: As in `luthier.data.table.read`; only rows of the training split have texts here.
        progress: Advances by the rows that are read.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        to_example: Callable[[Record], Example | Skipped],
        to_texts: Callable[[Mapping[str, list[Any]]], Iterable[str]],
        split_column: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._sources, self._to_example, self._split_column = sources, to_example, split_column
        self._to_texts = to_texts
        self._progress = progress or Progress()
        self.account = Accounts()  # the training rows of the last complete pass

    def __iter__(self) -> Iterator[str]:
        account = Accounts()
        examples = self._examples(account)
        while rows := list(islice(examples, CHUNK)):
            yield from self._to_texts({name: [row.get(name) for row in rows] for name in rows[0]})
            self._progress.advance(len(rows))
        self.account = account

    def _examples(self, account: Accounts) -> Iterator[Example]:
        for split, found in examples_of({"train": self._sources}, self._to_example, self._split_column):
            if split != "train":
                continue
            account.add(found)
            if not isinstance(found, Skipped):
                yield found
