"""What the lists and objects of a column are made of, also where they are written as text."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.values import structured

KEY_SHARE = 0.5  # of the objects have a key that counts as the column's


@dataclass(frozen=True, slots=True)
class Structure:
    """What the lists and objects of one column are made of.

    Args:
        item: What the lists hold: `text`, `number`, `object`, `list`, or `span` for lists of start, end and label;
            empty where the values are no lists, or hold nothing or things of several kinds.
        keys: Keys that at least half of the objects have: of the items of lists, or of the values themselves.
        inner: Keys of the objects further inside, at any depth, together.
        lengths: Items in each row's list (of an object: in the first list inside it); -1 where there is none.
        written: Whether the values are text in which a list or an object is written.
    """

    item: str = ""
    keys: frozenset[str] = frozenset()
    inner: frozenset[str] = frozenset()
    lengths: tuple[int, ...] = ()
    written: bool = False


def structure_of(values: Sequence[Any]) -> Structure:
    """What the values of a column are made of.

    Args:
        values: In the order of the rows; None where there is none.
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
    """Share of the rows in which two columns have lists of the same length, of those where both have one.

    Args:
        first: `Structure.lengths` of a column.
        second: Of another column of the same table.
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
    # An Arrow struct has every key in every row, so one without a value counts as absent.
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
