"""Columns whose cells hold a flag for each of several labels: `[0, 1, 0]`, `010`, `Y N N`, `{"price": true}`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.values import flag_in, flags_in

MOST_LABELS = 1_000
GOOD_SHARE = 0.95  # minimum share of the cells that hold a flag for every label; rows with other cells are skipped
FEWEST_NUMBERS = 5  # distinct numbers of zeros and ones that cannot be class numbers


@dataclass(frozen=True, slots=True)
class Flags:
    """The labels of a column of flags.

    Args:
        names: The labels: the keys of objects, or else the positions "0", "1", ...
        single: Whether every profiled cell has exactly one flag set, so the labels are exclusive.
        padded: Whether the cells are numbers without their leading zeros: 11 stands for 0011.
    """

    names: tuple[str, ...]
    single: bool
    padded: bool = False

    def labels(self, value: Any) -> list[str] | None:
        """The labels whose flag is set in a cell; None if the cell does not hold a flag for every label.

        An object may name only the labels that are set.
        """
        flags = flags_in(value)
        if isinstance(flags, dict):
            partial = not all(flags.values()) and any(name not in flags for name in self.names)
            if partial or not flags.keys() <= set(self.names):
                return None
            return [name for name in self.names if flags.get(name)]
        if flags is None or len(flags) > len(self.names) or (len(flags) < len(self.names) and not self.padded):
            return None
        return [name for name, flag in zip(self.names[len(self.names) - len(flags) :], flags, strict=True) if flag]


def flags_of(values: Sequence[Any]) -> Flags | None:
    """Determine whether a column holds a flag for each of several labels.

    Lists must have the same length in (nearly) all rows: lists of label ids differ in length. Zeros and ones without a
    separator may be numbers of classes, such as 10 and 11. They are flags if some of them begin with 0, or if there are
    so many of them that the other digits would occur too.

    Args:
        values: The values that are not missing.
    """
    if not all(_may_be_flags(value) for value in values[:20]):
        return None
    cells = [flags_in(value) for value in values]
    objects = [cell for cell in cells if isinstance(cell, dict)]
    if objects and len(objects) >= GOOD_SHARE * len(values):
        names = tuple(dict.fromkeys(name for cell in objects for name in cell))
        single = all(sum(cell.values()) == 1 for cell in objects)
        return Flags(names, single) if 2 <= len(names) <= MOST_LABELS else None
    lists = [cell for cell in cells if isinstance(cell, list)]
    if not lists or len(lists) < GOOD_SHARE * len(values):
        return None
    texts = [str(value).strip().removesuffix(".0") for value in values if not isinstance(value, list | tuple)]
    joined = [text for text in texts if text.isalnum()]
    lengths = Counter(map(len, lists))
    width, rows = lengths.most_common(1)[0]
    same = rows >= GOOD_SHARE * len(values)
    padded = False
    if joined:
        many = len(set(joined)) >= FEWEST_NUMBERS and max(lengths) > 2
        zeros = any(len(text) > 1 and flag_in(text[0]) is False for text in joined) and len(set(joined)) > 2
        padded = many and len(lengths) > 1 and not zeros and all(map(str.isdecimal, joined))
        if not (padded or (same and (many or zeros))):
            return None
        width = max(lengths) if padded else width
    elif not same:
        return None
    if not 2 <= width <= MOST_LABELS:
        return None
    single = all(sum(cell) == 1 for cell in lists if padded or len(cell) == width)
    return Flags(tuple(map(str, range(width))), single, padded)


def _may_be_flags(value: Any) -> bool:
    """Whether a value begins like flags, and is not too long: a quick answer for columns of text."""
    if not isinstance(value, str):
        return True
    return len(value) <= 8 * MOST_LABELS and value.lstrip()[:1] in set("01tTfFyYnN[({")
