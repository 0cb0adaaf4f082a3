"""Parse cell values: missing values, numbers, joined labels, and lists and objects written as text."""

import ast
import json
import math
import re
import warnings
from collections.abc import Sequence
from typing import Any

LONGEST = 1 << 20  # maximum characters to parse as a list or object
FEW_NESTED = 0.1  # maximum share of lists and objects in a column of texts
WRITTEN_LIST = "[]"  # separator that stands for labels written as a JSON or Python list
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_ERRORS = (ValueError, SyntaxError, RecursionError, MemoryError, TypeError)
# Tokens of Python and NumPy literals. A string is a single token, so that brackets inside it do not count.
_PART = re.compile(
    r"""(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"""|(?P<open>(?:np\.\w+|array)?\(|[\[{])"""
    r"""|(?P<drop>,\s*dtype=[\w.'<>]+(?=\s*\)))"""
    r"""|(?P<close>[\])}])"""
    r"""|(?P<word>[-+\w.]+)"""
    r"""|(?P<blank>\s+)"""
    r"""|(?P<mark>[,:])""",
    re.DOTALL,
)
_FLAGS = {
    **dict.fromkeys(("0", "0.0", "false", "f", "no", "n"), False),
    **dict.fromkeys(("1", "1.0", "true", "t", "yes", "y"), True),
}
_LETTERS = ({"0", "1"}, {"n", "y"}, {"f", "t"})  # flags that need no separator
_FLAG_SEPARATOR = re.compile(r"\s*[,;|/:_#&+-]+\s*|\s+")
_CONSTANTS = {"true": "True", "false": "False", "null": "None", "nan": "None", "NaN": "None"}


def is_missing(value: Any) -> bool:
    """Whether a value is missing: None, nan, empty or only whitespace. The words NA and null are text."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))


def as_number(value: Any) -> float | None:
    """Convert a number, or a number written as text, to float; None if it is not finite, not a number or a boolean."""
    number = _as_float(value)
    return number if number is not None and math.isfinite(number) else None


def _as_float(value: Any) -> float | None:
    """As `as_number`, but infinite if it is too large for a float."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):  # float() does not strip separators such as \x1f
        value = value.strip().replace("\u2212", "-", 1)
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None  # float() would also accept nan, infinity and 1_000
    try:
        return float(value)
    except OverflowError:
        return math.inf


def finite(values: list[Any]) -> tuple[list[Any], list[Any]]:
    """Separate NaN, infinity, also as words, and what is too large for a float from the numbers of a column of numbers.

    Any other column is whole.

    "NaN" among the names of classes is text, as "NA" and "null" are anywhere.

    Args:
        values: Values that are not missing.
    """
    odd = [bool(_NOT_FINITE.fullmatch(str(value).strip())) or math.isinf(_as_float(value) or 0) for value in values]
    found = [value for value, is_odd in zip(values, odd, strict=True) if not is_odd]
    if len(found) == len(values) or not found or any(as_number(value) is None for value in found):
        return values, []
    return found, [value for value, is_odd in zip(values, odd, strict=True) if is_odd]


def without_nested(values: list[Any]) -> list[Any]:
    """Values with None in place of single lists and objects among texts: damaged cells, whose rows are skipped.

    Lists beside texts that recur stay: they may hold several labels.
    """
    present = [value for value in values if not is_missing(value)]
    nested = sum(isinstance(value, dict | list | tuple) for value in present)
    if not nested or nested > FEW_NESTED * len(present):
        return values
    texts = [str(value) for value in present if not isinstance(value, dict | list | tuple)]
    damaged = dict if 2 * len(set(texts)) <= len(texts) else dict | list | tuple
    return [None if isinstance(value, damaged) else value for value in values]


def split_labels(value: Any, separator: str | None) -> list[str]:
    """Split a multi-label value into its labels.

    Args:
        value: A list, or text with joined labels; a missing value gives no labels.
        separator: The column's separator (`ColumnProfile.separator`); None if the value is a single label.
    """
    if isinstance(value, list | tuple):
        return [str(label) for label in value if not is_missing(label)]
    if is_missing(value):
        return []
    text = str(value)
    if separator == WRITTEN_LIST:
        return split_labels(written_list(text), None)
    if separator is None:
        return [text.strip()]
    return [part.strip() for part in text.split(separator) if part.strip()]


def structured(value: Any) -> Any:
    """Parse text that is a list or object; return any other value unchanged.

    Reads JSON, Python literals and NumPy output (`['a' 'b']`, `array([1, 2], dtype=int32)`). A tuple becomes a list, so
    does a set, in order.

    Args:
        value: Value of a cell. Text over a million characters is not parsed.
    """
    if not isinstance(value, str) or len(value) > LONGEST:
        return value
    text = value.strip()
    if not text.endswith(("]", "}", ")")) or not text.startswith(("[", "{", "(", "array(")):
        return value
    try:
        found = json.loads(text)
    except _ERRORS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # an invalid escape sequence in the data does no harm
                found = ast.literal_eval(_with_commas(text))
        except _ERRORS:
            return value
    if isinstance(found, tuple):
        return list(found)
    if isinstance(found, set):
        return sorted(found, key=str)
    return found if isinstance(found, list | dict) else value


def written_list(text: str) -> list[Any] | str:
    """Parse text that is a list of strings or numbers; return any other text unchanged."""
    found = structured(text)
    if isinstance(found, list) and all(isinstance(item, str | int | float) for item in found):
        return found
    return text


def field_of(value: Any, path: str) -> Any:
    """The field of an object at a dotted path, such as `author.name`; of a list of objects, a list of their fields.

    Returns:
        None if an object lacks the field, or if the value is not an object.
    """
    value = structured(value)
    if isinstance(value, list | tuple):
        found = [field for item in value if (field := field_of(item, path)) is not None]
        return [one for field in found for one in (field if isinstance(field, list | tuple) else [field])]
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    first, _, rest = path.partition(".")
    return field_of(value.get(first), rest) if rest else None


def flag_in(value: Any) -> bool | None:
    """The flag that a value is, also as text: 0, 1, false, true, no, yes, or the first letter; None for another one."""
    return _FLAGS.get(str(value).strip().casefold())


def flags_in(value: Any) -> list[bool] | dict[str, bool] | None:
    """Parse a cell with a flag (see `flag_in`) for each of several labels.

    Args:
        value: A list of flags, text of them (`0101`, `Y N N`, `[0, 1]`), a number of these digits, or an
            object of flags by label. A label without a value is left out.
    Returns:
        The flags; None if the value contains anything else.
    """
    value = structured(value)
    if isinstance(value, dict):
        named = {str(label): flag_in(flag) for label, flag in value.items() if flag is not None}
        return (
            {label: flag for label, flag in named.items() if flag is not None} if None not in named.values() else None
        )
    if isinstance(value, str):
        text = value.strip()
        joined = any(set(text.casefold()) <= letters for letters in _LETTERS)
        parts: Sequence[Any] = text if joined else _FLAG_SEPARATOR.split(text)
    elif isinstance(value, list | tuple):
        parts = value
    else:
        parts = str(int(value)) if as_number(value) is not None and float(value).is_integer() else []
    flags = [flag for part in parts if (flag := flag_in(part)) is not None]
    return flags if flags and len(flags) == len(parts) else None


def _with_commas(text: str) -> str:
    """Convert NumPy output to a Python literal: add commas between items and remove the names of types."""
    parts: list[str] = []
    at, ended, apart = 0, False, False  # whether a value just ended, and whether whitespace followed it
    closing: list[str] = []
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or part["word"] == "...":  # NumPy leaves out the middle of long arrays
            raise ValueError(text[at : at + 10])
        at, found = part.end(), part[0]
        if part["blank"]:
            apart = True
            parts.append(found)
            continue
        starts = bool(part["string"] or part["open"] or part["word"])
        if starts and ended:
            if not apart:
                raise ValueError(found)
            parts.append(", ")
        if part["open"]:
            named = len(found) > 1
            closing.append("" if named else ")" if found == "(" else "]" if found == "[" else "}")
            parts.append("" if named else found)
        elif part["close"]:
            if not closing:
                raise ValueError(found)
            parts.append(closing.pop() and found)
        elif not part["drop"]:
            parts.append(_CONSTANTS.get(found, found))
        ended, apart = bool(part["string"] or part["close"] or part["word"]) or (ended and bool(part["drop"])), False
    return "".join(parts)
