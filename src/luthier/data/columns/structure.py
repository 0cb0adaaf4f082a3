"""The structure of a column's lists and objects, including those written as text."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.values import structured

KEY_SHARE = 0.5  # minimum share of objects that have a key, for it to be a key of the column


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure of the lists and objects of one column.

    Args:
        item: Type of the list items: `text`, `number`, `object`, `list`, or `span` for lists of start, end and label;
            empty if the values are not lists, or the items are missing or of several types.
        keys: Keys that at least half of the objects have (the list items, or else the values themselves).
        inner: Keys of nested objects, at any depth.
        lengths: Length of each row's list (for an object, of the first list in it); -1 if there is none.
        written: Whether the lists or objects are written as text.
    """

    item: str = ""
    keys: frozenset[str] = frozenset()
    inner: frozenset[str] = frozenset()
    lengths: tuple[int, ...] = ()
    written: bool = False


def structure_of(values: Sequence[Any]) -> Structure:
    """Determine the structure of a column's values.

    Args:
        values: Values in row order; None if missing.
    """
    present = [value for value in values if value is not None]
    written = False
    if present and not any(isinstance(value, list | tuple | dict) for value in present):
        if not all(isinstance(structured(value), list | dict) for value in present[:5]):
            return Structure()
        parsed = [None if value is None else structured(value) for value in values]
        good = sum(isinstance(value, list | dict) for value in parsed)
        if good < 0.9 * len(present):
            return Structure()
        values, written = parsed, True
    lists = [list(value) for value in values if isinstance(value, list | tuple)]
    objects = [value for value in values if isinstance(value, dict)]
    if not lists and not objects:
        return Structure()
    items = [item for value in lists for item in value if item is not None]
    kind = _kind(items)
    inside = [item for item in items if isinstance(item, dict)] if kind == "object" else objects
    return Structure(kind, _keys(inside), _inner(inside), tuple(map(_length, values)), written)


def same_lengths(first: Sequence[int], second: Sequence[int]) -> float:
    """Share of the rows with a list in both columns in which the two lists have the same length.

    Args:
        first: `Structure.lengths` of a column.
        second: `Structure.lengths` of another column of the same table.
    """
    both = [(one, two) for one, two in zip(first, second, strict=False) if one >= 0 and two >= 0]
    return sum(one == two for one, two in both) / len(both) if both else 0.0


def _kind(items: Sequence[Any]) -> str:
    kinds = Counter(map(_kind_of, items))
    if not kinds:
        return ""
    kind, n = kinds.most_common(1)[0]
    if kinds.keys() == {"list", "span"}:
        return "list"
    return kind if n > 0.9 * len(items) else ""


def _kind_of(item: Any) -> str:
    if isinstance(item, str):
        return "text"
    if isinstance(item, dict):
        return "object"
    if isinstance(item, list | tuple):
        span = len(item) == 3 and [type(part) for part in item] == [int, int, str]
        return "span" if span else "list"
    return "number" if isinstance(item, int | float) else ""


def _keys(objects: Sequence[dict[Any, Any]]) -> frozenset[str]:
    # An Arrow struct has every key in every row, so a key without a value counts as absent.
    counts = Counter(str(key) for one in objects for key, value in one.items() if value is not None)
    return frozenset(key for key, n in counts.items() if n >= KEY_SHARE * len(objects))


def _inner(objects: Sequence[dict[Any, Any]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [value for one in objects for value in one.values()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.update(map(str, value))
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return frozenset(found)


def _length(value: Any) -> int:
    if isinstance(value, dict):
        value = next((cell for cell in value.values() if isinstance(cell, list | tuple)), None)
    return len(value) if isinstance(value, list | tuple) else -1
