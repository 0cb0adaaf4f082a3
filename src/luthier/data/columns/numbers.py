"""How the numbers of a column are written: `3,04`, `$1,250.00`, `85 %`, `12 kg`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from luthier.data.values import as_number

_CURRENCY = r"[$€£¥₹₽₩₺₪₫₴¢]|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD"
_WRITTEN = re.compile(
    rf"(?P<sign>[+\-\u2212]?)(?P<before>(?:{_CURRENCY})?)\s?(?P<digits>\d+(?:[.,]\d+)*)\s?"
    rf"(?P<after>(?:{_CURRENCY}|[%‰°]|[^\W\d_]{{1,12}})?)"
)
_DIGITS = {  # by the decimal mark, with marks between thousands
    ".": re.compile(r"(\d+|\d{1,3}(,\d{3})+)(\.\d+)?"),
    ",": re.compile(r"(\d+|\d{1,3}(\.\d{3})+)(,\d+)?"),
}
_PARTS = re.compile(r"[+-]?(?P<whole>\d+)(?:(?P<mark>[.,])(?P<behind>\d+))?", re.ASCII)
_GOOD_SHARE = 0.95
_FEWEST = 0.1  # least share of the numbers with a mark in a column of numbers with a decimal comma


@dataclass(frozen=True, slots=True)
class Writing:
    """How numbers are written that are not just digits and a point.

    Args:
        before: What stands before each number, such as `$`.
        after: What stands behind it, such as `%` or `kg`.
        mark: The decimal mark.
    """

    before: str = ""
    after: str = ""
    mark: str = "."

    def number(self, value: Any) -> float | None:
        """The number in a cell, also one that is written plainly; None if there is none."""
        found = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
        bare = found is None or (found["before"], found["after"]) == ("", "")
        if found is None or not (bare or self._fits(found)) or not _DIGITS[self.mark].fullmatch(found["digits"]):
            return as_number(value)
        whole = found["digits"].replace("," if self.mark == "." else ".", "").replace(self.mark, ".")
        return as_number(found["sign"] + whole)

    def said(self) -> str:
        """What is read as what, as a clause."""
        affix = self.before or self.after
        return f"written with {affix!r}" if affix else "with a decimal comma" if self.mark == "," else "with thousands"

    def sample(self) -> str:
        """A number in this writing."""
        digits = "1.250,5" if self.mark == "," else "1,250.5"
        return f"{self.before}{digits}{self.after}"

    def _fits(self, found: re.Match[str]) -> bool:
        return (found["before"], found["after"]) == (self.before, self.after)


def may_be_numbers(values: Iterable[str]) -> bool:
    """Whether all values look like numbers, perhaps with thousands or the same unit."""
    found = [_WRITTEN.fullmatch(value.strip()) for value in values]
    return None not in found and len({(match["before"], match["after"]) for match in found if match}) == 1


def writing_of(values: Sequence[Any]) -> Writing | None:
    """How the numbers of a column are written; None for other columns, plain numbers, and where it is not certain.

    12,345 may be a whole number or a fraction: marks are only read where they can mean one thing.

    Args:
        values: The values that are not missing.
    """
    if _has_decimal_commas(values):
        return Writing(mark=",")
    found = _matches(_WRITTEN, values)
    if 2 * len(found) <= len(values):
        return None
    affixes = {(match["before"], match["after"]) for match in found}
    marks = [mark for mark, form in _DIGITS.items() if all(form.fullmatch(match["digits"]) for match in found)]
    marked = any(not match["digits"].isdecimal() for match in found)
    if len(affixes) > 1 or not marks or (marked and len(marks) > 1):
        return None
    before, after = affixes.pop()
    both = any("," in match["digits"] and "." in match["digits"] for match in found)
    return Writing(before, after, marks[0]) if before or after or both else None


def thousands_or_fraction(values: Sequence[Any]) -> str:
    """The first number, without a unit, whose mark separates thousands or a fraction, such as 1.793; empty if none.

    It is unclear if each mark has three digits behind it, and the numbers without one have at most three, as 511 has.

    Args:
        values: The values that are not missing.
    """
    found = _matches(_PARTS, [one["digits"] for one in _matches(_WRITTEN, values)])
    marked = [match for match in found if match["mark"]]
    groups = all(len(match["behind"]) == 3 and re.fullmatch("[1-9].{0,2}", match["whole"]) for match in marked)
    most = max((len(match["whole"]) for match in found if not match["mark"]), default=0)
    unclear = groups and most == 3 and len({match["mark"] for match in marked}) == 1
    return marked[0][0] if unclear else ""


def as_whole(value: str) -> str:
    """A number as it is if its marks separate thousands: 1793 for 1.793."""
    return re.sub("[.,]", "", value)


def _matches(form: re.Pattern[str], values: Iterable[Any]) -> list[re.Match[str]]:
    """The matches of a form with texts among the values, without the whitespace around them."""
    return [match for value in values if isinstance(value, str) and (match := form.fullmatch(value.strip()))]


def _has_decimal_commas(values: Sequence[Any]) -> bool:
    """Whether values are certainly numbers with a decimal comma: 3,04 rather than the labels 3 and 4.

    Labels do not begin with a zero, and are in ascending order; halves (1,5 and 2,5) and a column in which others have
    a point (1.5) are numbers. Numbers of which each has three digits behind the comma may have thousands.
    """
    found = _matches(_PARTS, values)
    parts = {(match["whole"], match["behind"]) for match in found if match["mark"] == ","}
    points = {match["behind"] for match in found if match["mark"] == "."}
    marked = sum(match["mark"] is not None for match in found)
    if not parts or len(found) < _GOOD_SHARE * len(values) or marked < _FEWEST * len(found):
        return False
    if all(len(behind) == 3 for _, behind in parts) or any(len(behind) == 3 for behind in points):
        return False
    halves = len(parts) > 1 and {behind for _, behind in parts} == {"5"}
    return bool(points) or halves or any(_cannot_be_labels(*pair) for pair in parts)


def _cannot_be_labels(whole: str, behind: str) -> bool:
    """Whether the digits around a comma are no two labels in ascending order."""
    return (len(behind) > 1 and behind[0] == "0") or (len(behind), behind) <= (len(whole), whole)
