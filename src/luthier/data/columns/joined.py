"""Labels that are joined in one cell: `price|quality`, `price & quality`, `[price, quality]`."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from luthier.data.values import WRITTEN_LIST, split_labels, written_list

MOST_PARTS = 200  # maximum distinct labels in a column of joined labels
LONGEST_PART = 60
SEPARATORS = (WRITTEN_LIST, "|", ";", ",")  # usual ones: labels that recur in several combinations are enough
_FEWEST = 0.05  # least share of the rows with a separator
_FREE = 0.9  # least share of the labels that are found in any place
_MARK = re.compile(r"""[^\w\s.'"\u2019()\[\]{}<>]{1,3}|[_\n\t ]""")
_LETTER = re.compile(r"[^\W\d_]")
_NUMBERS = 0.95  # least share of numbers in a column of numbers
_MOST_MARKS = 6
_DECIMAL = re.compile(r"[+-]?\d+([.,]\d+)?")
_PADDED = re.compile(r"0\d")

Split = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Joined:
    """The labels of a column in which some cells join several.

    Args:
        separator: Stands between them; "[]" if the cells are lists written as text.
        parts: Count of each label.
        sure: Whether the cells cannot be names of classes as they stand.
    """

    separator: str
    parts: Counter[str]
    sure: bool = True


def joined_in(counts: Mapping[str, int]) -> Joined | None:
    """Detect labels joined by a separator: few distinct labels, which occur in many combinations.

    Any mark, a blank or a line break may separate them, but names have those too ("Home & Garden", "very good"). They
    join labels if nearly all that recur also stand alone, or both first and later: the words of names do not.

    Args:
        counts: Count of each value.
    Returns:
        None if the values are no joined labels. Not sure if the cells may also be classes: two labels and their
        combination (`male/female`), or labels that never stand alone and each have their place (`yes, never`).
    """
    for separator in SEPARATORS:
        if found := _usual(counts, separator):
            return found
    rows, marks = sum(counts.values()), Counter[str]()
    for value, n in counts.items():
        marks.update(dict.fromkeys(_MARK.findall(value), n))
    known = [mark for mark, n in marks.most_common() if mark not in SEPARATORS and n >= _FEWEST * rows]
    if 2 * len(counts) > rows and any(map(_LETTER.search, counts)):
        known = [mark for mark in known if mark != " "]  # short texts rather than combinations that recur
    # A blank last, since other separators have blanks around them.
    for separator in sorted(known[:_MOST_MARKS], key=lambda mark: mark == " "):
        if found := _unusual(counts, separator):
            return found
    return None


def _usual(counts: Mapping[str, int], separator: str) -> Joined | None:
    split = {value: split_labels(value, separator) for value in counts if _has(value, separator)}
    if separator == WRITTEN_LIST and len(split) < len(counts):
        return None
    if separator == "," and _have_decimals(counts) and not _ascending(counts, split):
        return None
    parts = _parts(counts, split)
    if parts is None:
        return None
    # "Health, Beauty" may be one label; parts of joined labels also occur alone or in other combinations.
    meets = _meets(counts, split)
    inside = {label for labels in split.values() for label in labels}
    if separator != WRITTEN_LIST and 2 * sum(meets[label] > 1 for label in inside) < len(inside):
        return None
    return Joined(separator, parts, sure=separator == WRITTEN_LIST or not _have_places(counts, split))


def _unusual(counts: Mapping[str, int], separator: str) -> Joined | None:
    split = {value: [part.strip() for part in value.split(separator)] for value in counts if separator in value}
    if not all(part for labels in split.values() for part in labels):
        return None
    parts = _parts(counts, split)
    ranges = separator == "-" and all(part.isdigit() for labels in split.values() for part in labels)
    if parts is None or ranges:
        return None
    alone = {value.strip() for value in counts if value not in split}
    first = {labels[0] for labels in split.values()}
    later = {label for labels in split.values() for label in labels[1:]}
    meets = Counter(label for labels in split.values() for label in set(labels))
    recurring = [label for label, n in meets.items() if n > 1 or label in alone]
    free = [label for label in recurring if label in alone or (label in first and label in later)]
    if 2 * len(recurring) < len(meets) or len(free) < _FREE * len(recurring) or 2 * len(meets) < len(parts):
        return None
    several = len(meets) > 2 and len(split) > 2
    return Joined(separator, parts, sure=several and bool(alone)) if several or meets.keys() <= alone else None


def _parts(counts: Mapping[str, int], split: Split) -> Counter[str] | None:
    """Count of each label; None if they are too many, too long or too rare, or if few cells join any."""
    if sum(counts[value] for value in split) < _FEWEST * sum(counts.values()):
        return None
    parts = Counter[str]()
    for value, n in counts.items():
        for label in split.get(value, [value.strip()]):
            parts[label] += n
        if len(parts) > MOST_PARTS:
            return None
    few = not parts or parts.total() < 2 * len(parts) or max(map(len, parts)) > LONGEST_PART
    return None if few else parts


def _meets(counts: Mapping[str, int], split: Split) -> Counter[str]:
    """The number of different cells with each label."""
    return Counter(label for value in counts for label in set(split.get(value, [value.strip()])))


def _have_places(counts: Mapping[str, int], split: Split) -> bool:
    """Whether all cells join as many labels, and each label has its place: `yes, never`, `no, maybe`."""
    places = {(label, place) for labels in split.values() for place, label in enumerate(labels)}
    lengths = {len(labels) for labels in split.values()}
    return len(split) == len(counts) and len(lengths) == 1 and len(places) == len({label for label, _ in places})


def _have_decimals(counts: Mapping[str, int]) -> bool:
    """Whether all values but a few may be numbers with a decimal comma or point."""
    numbers = sum(n for value, n in counts.items() if _DECIMAL.fullmatch(value.strip()))
    return numbers >= _NUMBERS * sum(counts.values())


def _ascending(counts: Mapping[str, int], split: Split) -> bool:
    """Whether joined numbers are ids: always in ascending order, unlike the parts of numbers with a decimal comma.

    Halves (1,5 and 2,5) are numbers, and so are all if some have a point (1.5).
    """
    points = any("." in value and _DECIMAL.fullmatch(value.strip()) for value in counts)
    digits = not points and all(part.isdecimal() for parts in split.values() for part in parts)
    halves = {parts[-1] for parts in split.values()} == {"5"}
    if len(split) < 5 or not digits or halves or any(_PADDED.match(part) for parts in split.values() for part in parts):
        return False
    return all(sorted({int(part) for part in parts}) == list(map(int, parts)) for parts in split.values())


def _has(value: str, separator: str) -> bool:
    if separator == WRITTEN_LIST:
        return value[:1] + value[-1:] in ("[]", "{}") and isinstance(written_list(value), list)
    return separator in value
