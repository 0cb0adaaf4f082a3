"""What the columns of a table hold, so that a task can find its own by content as well as by name."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.columns.structure import Structure, structure_of
from luthier.data.records import Record
from luthier.data.values import WRITTEN_LIST, as_number, is_missing, split_labels, written_list
from luthier.errors import ColumnError, nearest
from luthier.findings import Decision
from luthier.text import listing, shorten

SAMPLE = 5_000  # rows looked at: enough for shares to a percent
MOST_VALUES = 200  # distinct values kept
MOST_PARTS = 200  # distinct labels that joined labels may be made of
SEPARATORS = (WRITTEN_LIST, "|", ";", ",")


@dataclass(frozen=True)
class ColumnProfile:
    """What one column holds, over the rows looked at. Shares and means are over the values that are present.

    Args:
        name: The column.
        n: Rows looked at.
        missing_share: Share of rows with None, nan, or nothing but white space ("NA" is a word).
        distinct: Different values.
        distinct_share: `distinct` by present values.
        mean_words: Words by value.
        mean_chars: Characters by value.
        numeric_share: Share that are finite numbers or are written so.
        integer_share: Share that are whole numbers (1.0 is one).
        zero_one_share: Share that are 0 or 1, false or true.
        list_share: Share that are lists (not written as text).
        letter_share: Share of the characters that are letters or outside ASCII.
        low: Smallest number; None where most values are none.
        high: Largest number; None where most values are none.
        examples: The first three different values, as text.
        values: How often each value occurs; None for more than 200 different ones.
        separator: What joins several labels in one value ("|", ";", ",", "[]" for a written list); None for none.
        parts: How often each label occurs, of joined labels and of lists; None for other columns.
        commonest: The most frequent value, as text.
        commonest_share: Share of the present values that are it.
        structure: What the lists and objects of the column are made of, also where they are written as text.
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
    zero_one_share: float
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


@dataclass(frozen=True)
class Recognition:
    """The columns that a task found for itself.

    Args:
        task: Name of the task.
        shape: Its shape, such as `pair/one`; empty for tasks without shapes.
        columns: Role to column, or to several columns.
        confidence: 0 to 1; 1 where the user named every column.
        why: What was decided, a line each.
    """

    task: str
    shape: str
    columns: dict[str, str | list[str]]
    confidence: float
    why: list[Decision]


def profile(records: Sequence[Record]) -> dict[str, ColumnProfile]:
    """Profile each column of a table, from a random sample (always the same one) of 5,000 rows where there are more.

    Args:
        records: The rows; rows may lack columns.
    """
    if len(records) > SAMPLE:
        # Files are often sorted by label, so the first rows do not do.
        chosen = sorted(random.Random(0).sample(range(len(records)), SAMPLE))
        records = [records[index] for index in chosen]
    names = dict.fromkeys(name for record in records for name in record.values)
    return {name: _profile(name, [record.values.get(name) for record in records]) for name in names}


def require(names: Iterable[str], known: Iterable[str], *, where: str = "") -> None:
    """See that columns exist.

    Args:
        names: The columns that were asked for.
        known: The columns that there are.
        where: Who asked, such as `--text`.
    Raises:
        ColumnError: One is not there; near misses and all columns are named.
    """
    columns = list(known)
    for name in names:
        if name not in columns:
            hint = nearest(name, columns)
            if not hint.startswith("known"):
                hint = f"{hint} columns: {listing(columns, 40)}"
            raise ColumnError(f"no column {name!r}", where=where, hint=hint.replace("known:", "columns:"))


def words_of(name: str) -> list[str]:
    """The words of a column's name in lower case: `#1 String` is 1, string; `reviewText2` is review, text, 2."""
    return [word.lower() for word in _NAME_WORD.findall(_CAMEL.sub(" ", name))]


def is_unnamed(name: str) -> bool:
    """Whether a column's name says nothing: `column2`, `f1`, `3`, as tables without a header get."""
    return bool(_UNNAMED.fullmatch(name.strip()))


def is_split(column: ColumnProfile) -> bool:
    """Whether a column says which split each row belongs to."""
    if not column.values:
        return False
    values = {value.strip().lower() for value in column.values}
    named = bool({"split", "set", "partition", "subset", "fold"} & set(words_of(column.name)))
    return values <= _SPLITS and (named or (len(values) > 1 and bool(values & {"train", "training"})))


def is_id(column: ColumnProfile) -> bool:
    """Whether a column only says which row it is, by its name or because every value is a code of its own."""
    words = words_of(column.name)
    if _ID_WORDS & set(words) or (column.name.lower().startswith("unnamed") and column.integer_share == 1):
        return True
    if column.list_share or column.distinct_share < 0.95 or column.distinct < 10:
        return False
    counted = column.integer_share == 1 and column.low is not None
    return counted or (column.mean_words < 1.2 and column.letter_share < 0.6 and column.numeric_share < 0.5)


def _profile(name: str, values: list[Any]) -> ColumnProfile:
    present = [value for value in values if not is_missing(value)]
    texts = [_as_text(value) for value in present]
    numbers = [number for value in present if (number := as_number(value)) is not None]
    characters = sum(map(len, texts))
    counts = Counter(texts)
    commonest = max(counts, key=lambda text: counts[text], default="")
    n = max(len(present), 1)
    lists = [value for value in present if isinstance(value, list | tuple)]
    separator, parts = _joined(counts) if not lists else (None, None)
    if lists and all(isinstance(item, str | int) for value in lists for item in value):
        parts = Counter(label for value in lists for label in split_labels(value, None))
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
        zero_one_share=sum(text.strip().lower() in _ZERO_ONE for text in texts) / n,
        list_share=len(lists) / n,
        letter_share=len(_LETTER.findall("".join(texts))) / max(characters, 1),
        low=min(numbers) if 2 * len(numbers) > n else None,
        high=max(numbers) if 2 * len(numbers) > n else None,
        examples=tuple(shorten(text, 80) for text in list(counts)[:3]),
        values=counts if len(counts) <= MOST_VALUES else None,
        separator=separator,
        parts=parts,
        commonest=commonest,
        commonest_share=counts[commonest] / n,
        structure=structure_of([None if is_missing(value) else value for value in values]),
    )


def _joined(counts: Mapping[str, int]) -> tuple[str | None, Counter[str] | None]:
    """Whether values are labels joined by a separator: few different parts, which come in many combinations.

    Args:
        counts: How often each value occurs.
    Returns:
        The separator and how often each part occurs, or None and None.
    """
    rows = sum(counts.values())
    for separator in SEPARATORS:
        split = {value: split_labels(value, separator) for value in counts if _has(value, separator)}
        if sum(counts[value] for value in split) < 0.05 * rows:
            continue
        if separator == WRITTEN_LIST and len(split) < len(counts):
            continue
        if separator == "," and all(_DECIMAL_COMMA.fullmatch(value) for value in counts):
            continue
        every = {value: split.get(value, [value.strip()]) for value in counts}
        parts = Counter[str]()
        for value, labels in every.items():
            for label in labels:
                parts[label] += counts[value]
        if not parts or len(parts) > MOST_PARTS or max(map(len, parts)) > 60:
            continue
        # "Health, Beauty" may be one label: the parts of joined labels meet others, or stand alone, elsewhere.
        meets = Counter(label for labels in every.values() for label in set(labels))
        inside = {label for labels in split.values() for label in labels}
        recurring = sum(meets[label] > 1 for label in inside)
        if 2 * recurring >= len(inside) and parts.total() >= 2 * len(parts):
            return separator, parts
    return None, None


def _has(value: str, separator: str) -> bool:
    if separator == WRITTEN_LIST:
        return value.startswith("[") and value.endswith("]") and isinstance(written_list(value), list)
    return separator in value


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
_LETTER = re.compile(r"[A-Za-z]|[^\x00-\x7f]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAME_WORD = re.compile(r"[^\W\d_]+|\d+")
_UNNAMED = re.compile(r"((column|col|field|feature|var|f|c|x|v)[ _]?)?\d+", re.IGNORECASE)
_ZERO_ONE = {"0", "1", "0.0", "1.0", "true", "false"}
_ID_WORDS = {"id", "ids", "idx", "index", "guid", "uuid", "uid", "qid", "pairid", "promptid"}
_SPLITS = {"train", "training", "validation", "valid", "val", "dev", "development", "eval", "test", "testing", "trial"}
