"""Column profiles, so that a task can find its columns by content as well as by name."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from luthier.data.columns.flags import Flags, flags_of
from luthier.data.columns.joined import joined_in
from luthier.data.columns.numbers import Writing, may_be_numbers, thousands_or_fraction, writing_of
from luthier.data.columns.structure import Structure, structure_of
from luthier.data.columns.tagged import are_tags, tagged_in
from luthier.data.columns.transcripts import Transcripts, transcripts_in
from luthier.data.records import Record
from luthier.data.splits import SPLIT_OF
from luthier.data.values import (
    as_number,
    field_of,
    finite,
    flag_in,
    is_missing,
    split_labels,
    without_nested,
)
from luthier.errors import ColumnError, nearest
from luthier.findings import Decision
from luthier.text import listing, shorten

SAMPLE = 5_000  # rows to profile; enough for shares accurate to about a percent
MOST_VALUES = 200  # maximum distinct values to keep counts of


@dataclass(frozen=True)
class ColumnProfile:
    """Statistics of one column over the profiled rows. Shares and means are over the non-missing values.

    Args:
        name: Column name.
        n: Profiled rows.
        missing_share: Share of rows with None, nan, empty text or only whitespace ("NA" is text), or `not_finite`.
        distinct: Distinct values.
        distinct_share: `distinct` divided by the non-missing values.
        mean_words: Words per value.
        mean_chars: Characters per value.
        numeric_share: Share of finite numbers, including those written as text.
        integer_share: Share of whole numbers (including 1.0).
        flag_share: Share of flags (`values.flag_in`).
        list_share: Share of lists (not written as text).
        letter_share: Share of the characters that are letters or outside ASCII.
        low: Smallest number; None unless most values are numbers.
        high: Largest number; None unless most values are numbers.
        examples: The first three distinct values, as text.
        values: Count of each value; None for more than 200 distinct ones.
        separator: Separator of joined labels ("[]" for a list written as text); None for none.
        parts: Count of each label in joined labels or lists; None for other columns.
        commonest: The most frequent value, as text.
        commonest_share: Share of the most frequent value.
        structure: Structure of the column's lists and objects, including those written as text.
        flags: Labels of a column whose cells hold a flag for each label, such as `[0, 1, 0]`; None for other columns.
        transcripts: What the texts are as conversations, with `Human:` or other marks before the turns.
        not_finite: Count of NaN and infinity, as text, in a column whose other values are numbers; else empty.
        joined_surely: Whether the values with a separator cannot be classes as they stand (`joined.Joined.sure`).
        writing: How the numbers are written, as in 3,04 or $5; None for plain ones.
        others: Count of each value that is no number, in a column of which most values are; else empty.
        thousands: A number that may have thousands or a fraction (`numbers.thousands_or_fraction`); empty for none.
        ordered: Whether the numbers ascend or descend from row to row.
        word_counts: Words of each row's text, in row order; -1 if there is none.
        cells: The profiled values of a column of objects or lists of objects; empty for other columns.
    """

    name: str
    n: int
    missing_share: float
    distinct: int
    distinct_share: float
    mean_words: float
    mean_chars: float
    numeric_share: float
    integer_share: float
    flag_share: float
    list_share: float
    letter_share: float
    low: float | None
    high: float | None
    examples: tuple[str, ...]
    values: Counter[str] | None
    separator: str | None
    parts: Counter[str] | None
    commonest: str
    commonest_share: float
    structure: Structure
    flags: Flags | None = None
    transcripts: Transcripts = field(default_factory=Transcripts)
    not_finite: Counter[str] = field(default_factory=Counter)
    joined_surely: bool = True
    writing: Writing | None = None
    others: Counter[str] = field(default_factory=Counter)
    thousands: str = ""
    ordered: bool = False
    word_counts: tuple[int, ...] = field(default=(), repr=False, compare=False)
    cells: Sequence[Any] = field(default=(), repr=False, compare=False)

    def number(self, value: Any) -> float | None:
        """As `as_number`, of a value of the column."""
        return self.writing.number(value) if self.writing else as_number(value)

    @cached_property
    def fields(self) -> "dict[str, ColumnProfile]":
        """Profiles of the fields of a column of objects or lists of objects, by name: `review.body`."""
        names = {key: f"{self.name}.{key}" for key in sorted(self.structure.keys)}
        return {name: _profile(name, [field_of(cell, key) for cell in self.cells]) for key, name in names.items()}


@dataclass(frozen=True)
class Recognition:
    """The columns that a task recognised as its own.

    Args:
        task: Name of the task.
        shape: Its shape, such as `pair/one`; empty for tasks without shapes.
        columns: Role to column, or to several columns.
        confidence: 0 to 1; 1 if the user named every column.
        why: The decisions, one line each.
        unclear: What has to be asked before the columns are read like this; empty if nothing.
        shapes: The shapes to choose from, if that is what has to be asked.
    """

    task: str
    shape: str
    columns: dict[str, str | list[str]]
    confidence: float
    why: list[Decision]
    unclear: str = ""
    shapes: Sequence[str] = ()


def profile(records: Sequence[Record]) -> dict[str, ColumnProfile]:
    """Profile each column of a table, from a fixed random sample of 5,000 rows if there are more.

    Args:
        records: The rows; rows may lack columns.
    """
    if len(records) > SAMPLE:
        # Files are often sorted by label, so the first rows are not representative.
        chosen = sorted(random.Random(0).sample(range(len(records)), SAMPLE))
        records = [records[index] for index in chosen]
    names = dict.fromkeys(name for record in records for name in record.values)
    return {name: _profile(name, [record.values.get(name) for record in records]) for name in names}


def require(names: Iterable[str], known: Iterable[str], *, where: str = "") -> None:
    """Check that columns exist.

    Args:
        names: Requested columns.
        known: Existing columns.
        where: Where the columns were named, such as `--text`.
    Raises:
        ColumnError: A column does not exist; the hint gives similar names and all columns.
    """
    columns = list(known)
    for name in names:
        if name not in columns:
            hint = nearest(name, columns)
            close = hint.startswith("did you mean")
            shown = f"{hint} columns:" if close else "choose one of the columns"
            raise ColumnError(f"no column {name!r}", where=where, hint=f"{shown} {listing(columns, 40)}")


def words_of(name: str) -> list[str]:
    """The words of a column name in lower case: `#1 String` is 1, string; `reviewText2` is review, text, 2."""
    return [word.lower() for word in _NAME_WORD.findall(_CAMEL.sub(" ", name))]


def is_unnamed(name: str) -> bool:
    """Whether a column name is generic, as in tables without a header: `column2`, `f1`, `3`."""
    return bool(_UNNAMED.fullmatch(name.strip()))


def is_split(column: ColumnProfile) -> bool:
    """Whether a column says which split each row belongs to."""
    if not column.values:
        return False
    values = {value.strip().lower() for value in column.values}
    named = bool({"split", "set", "partition", "subset", "fold"} & set(words_of(column.name)))
    return values <= SPLIT_OF.keys() and (named or (len(values) > 1 and bool(values & {"train", "training"})))


def is_id_name(name: str) -> bool:
    """Whether a column is called like a row id: `id`, `idx`, `review_id`."""
    return bool(_ID_WORDS & set(words_of(name)))


def is_id(column: ColumnProfile) -> bool:
    """Whether a column is a row id, judging by its name or by unique, code-like values."""
    if is_id_name(column.name) or (column.name.lower().startswith("unnamed") and column.integer_share == 1):
        return True
    if column.list_share or column.distinct_share < 0.95 or column.distinct < 10:
        return False
    if column.integer_share == 1 and column.low is not None:
        return column.writing is None  # a count, but for prices and the like
    coded = column.mean_words < 1.2 and column.letter_share < 0.6 and column.numeric_share < 0.5
    return coded and not may_be_numbers(column.examples)


def may_be_quantity(column: ColumnProfile) -> bool:
    """Whether a column that counts as a row id may as well hold the number to predict: it is in no order."""
    return is_id(column) and not is_id_name(column.name) and column.integer_share == 1 and not column.ordered


def is_certain_id(column: ColumnProfile) -> bool:
    """Whether a column is a row id, and no number to predict."""
    return is_id(column) and not may_be_quantity(column)


def holds_tags(column: ColumnProfile) -> bool:
    """Whether the cells of a column are lists of tags of words such as B-PER and O."""
    return bool(column.structure.lengths) and are_tags(column.parts or Counter())


def is_mark(column: ColumnProfile) -> bool:
    """Whether a column is marked in some rows, with `x`, a tick, 1 or its own name, and empty in all others."""
    marks = {value.strip().casefold() for value in column.values or ()}
    known = {*_MARKS, column.name.strip().casefold()}
    return 0 < column.missing_share < 1 and len(marks) == 1 and all(one in known or flag_in(one) for one in marks)


def _profile(name: str, values: list[Any]) -> ColumnProfile:
    values = without_nested(values)
    present, odd = finite([value for value in values if not is_missing(value)])
    texts = list(map(str, present))
    characters = sum(map(len, texts))
    counts = Counter(texts)
    commonest = max(counts, key=lambda text: counts[text], default="")
    n = max(len(present), 1)
    lists = [value for value in present if isinstance(value, list | tuple)]
    parts = None
    if lists and all(isinstance(item, str | int | None) for value in lists for item in value):
        parts = Counter(label for value in lists for label in split_labels(value, None))
    cells = [None if is_missing(value) else value for value in values]
    structure, flags = structure_of(cells), flags_of(present)
    joined = joined_in(counts) if not lists and flags is None and not structure.keys else None
    if joined:
        parts = joined.parts
    if tagged := None if structure.lengths else tagged_in(cells):
        structure, parts = tagged.structure, tagged.parts
    word_counts = tuple(len(cell.split()) if isinstance(cell, str) else -1 for cell in cells)
    writing = writing_of(present) if joined is None else None
    read = writing.number if writing else as_number
    numbers = [number for value in present if (number := read(value)) is not None]
    most = 2 * len(numbers) > n
    return ColumnProfile(
        name=name,
        n=len(values),
        missing_share=1 - len(present) / max(len(values), 1),
        distinct=len(counts),
        distinct_share=len(counts) / n,
        mean_words=sum(len(text.split()) for text in texts) / n,
        mean_chars=characters / n,
        numeric_share=len(numbers) / n,
        integer_share=sum(number.is_integer() for number in numbers) / n,
        flag_share=sum(flag_in(text) is not None for text in texts) / n,
        list_share=len(lists) / n,
        letter_share=len(_LETTER.findall("".join(texts))) / max(characters, 1),
        low=min(numbers) if most else None,
        high=max(numbers) if most else None,
        examples=tuple(shorten(text, 80) for text in list(counts)[:3]),
        values=counts if len(counts) <= MOST_VALUES else None,
        separator=joined.separator if joined else None,
        joined_surely=joined is None or joined.sure,
        writing=writing,
        others=Counter(text for text in texts if read(text) is None) if most else Counter(),
        thousands=thousands_or_fraction(present),
        ordered=numbers in (sorted(numbers), sorted(numbers, reverse=True)),
        parts=parts,
        commonest=commonest,
        commonest_share=counts[commonest] / n,
        structure=structure,
        flags=flags,
        transcripts=transcripts_in(present),
        not_finite=Counter(map(str, odd)),
        word_counts=word_counts,
        cells=cells if structure.keys else (),
    )


_MARKS = {"x", "✓", "✔", "✅", "☑", "☒", "*", "+", "•"}  # and flags that are true
_LETTER = re.compile(r"[A-Za-z]|[^\x00-\x7f]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAME_WORD = re.compile(r"[^\W\d_]+|\d+")
_UNNAMED = re.compile(r"((column|col|field|feature|var|f|c|x|v)[ _]?)?\d+", re.IGNORECASE)
_ID_WORDS = {"id", "ids", "idx", "index", "guid", "uuid", "uid", "qid", "pairid", "promptid"}
