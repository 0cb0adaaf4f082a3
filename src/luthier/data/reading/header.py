"""Detect whether the first row is a header, and name the columns."""

import re
from collections.abc import Collection, Sequence

from luthier.findings import Decision

_COMMON = (
    "abstract answer answers article aspect author body category class comment content context conversation "
    "conversations date description dialog dialogue document domain emotion en fr de gold headline hypothesis "
    "id idx index input instruction intent label labels lang language length message messages meta name ner number "
    "output paragraph passage polarity premise prompt quality query question rating reference rejected response "
    "chosen review reviews score scores sentence sentence1 sentence2 sentiment similarity source span spans split src "
    "star stars start story string subject summary system tag tags target text text1 text2 tgt title token tokens "
    "topic translation tweet type url user utterance value word words"
)
_NAMES = frozenset(_COMMON.split())
# Names of a column of texts; none is likely to be a text itself.
_OF_TEXTS = (
    "text texts review reviews message messages comment comments sentence sentences tweet tweets content utterance "
    "utterances body post posts document documents headline headlines paragraph passage"
)
_TEXTS = frozenset(_OF_TEXTS.split())
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_NAME_LIKE = re.compile(r"[^\W\d_][\w #./()\-:%?]*|[#_]\w[\w #./()\-:%]*")
_FEW = 0.1  # share of complete rows below which a table has gaps


def find_header(rows: list[list[str]], *, padded: bool = False, expected: Collection[str] = ()) -> tuple[bool, str]:
    """Whether the first row is a header, and why.

    Args:
        rows: The first rows, without those that have a wrong number of fields.
        padded: Whether the rows below have fewer fields than the first, and were filled up.
        expected: Names of columns that the rows may have: a first row of these names alone is a header. Of a single
            column, no other is, unless it is a common name: a short text above longer ones would be lost.
    """
    first, below = rows[0], rows[1:]
    if expected and set(first) <= set(expected):
        return True, "the first line holds the names of columns that the model knows"
    if expected and len(first) == 1 and not is_names(first):
        return False, f"{first[0][:40]!r} is not the name of a column that the model knows"
    names = [cell.strip() for cell in first]
    columns = [[row[place] for row in below] for place in range(len(first))]
    number = next((name for name, column in zip(names, columns, strict=True) if _is_value(name, column)), "")
    again = next((cell for cell, column in zip(first, columns, strict=True) if cell and cell in column), "")
    if number:
        return False, f"the first line holds a number: {number!r}"
    # Concatenated files repeat their header, so column names may recur below.
    named = [name for name in names if name]
    # A single line cannot be compared with others, so every name has to be known.
    enough = len(named) / 2 if below else len(named)
    known = bool(named) and sum(map(_is_known, named)) >= enough and all(map(_is_short, named))
    if known and (not again or _is_known(again)):
        return True, "the first line holds column names"
    if name := _above_texts(names, columns, again):
        return True, f"{name!r} is a usual name for a text column"
    if again:
        return False, f"the first line's values recur below ({again[:40]!r}), so it is data"
    unlike = _unlike_below(names, columns) if below else ""
    if not unlike and not padded and _has_gaps(names, below):
        unlike = "a name above each column of a table with gaps"
    return (True, unlike) if unlike else (False, "the first line looks like the others")


def _is_value(name: str, column: list[str]) -> bool:
    """Whether a cell of the first row is a number like those below it."""
    return bool(_NUMBER.fullmatch(name)) and (not column or _numeric(column))


def _unlike_below(names: list[str], columns: list[list[str]]) -> str:
    """How the first row differs from the others; empty if it does not."""
    for name, column in zip(names, columns, strict=True):
        if name and _numeric(column):
            return f"numbers stand below {name[:40]!r}"
    if _may_be_names(names):
        for name, column in zip(names, columns, strict=True):
            if name and _mean_length(column) > max(20, 3 * len(name)):
                return "short names above longer texts"
    return ""


def _above_texts(names: list[str], columns: list[list[str]], again: str) -> str:
    """The usual name of a column of texts, such as `text`, above longer texts; empty if there is none.

    Other columns may repeat their names, as `spam` above spam and ham does: then hardly any text may be as short.
    """
    if not _may_be_names(names):
        return ""
    for name, column in zip(names, columns, strict=True):
        if set(re.split(r"[\W_]+", name.lower())) <= _TEXTS and name not in column:
            cells = [cell.strip() for cell in column if cell.strip()]
            longer = sum(len(cell) > len(name) for cell in cells) >= 0.9 * len(cells)
            several = sum(len(cell.split()) > 1 for cell in cells) > 0.5 * len(cells)
            if _mean_length(cells) > max(20, 2 * len(name)) and longer if again else several:
                return name
    return ""


def _has_gaps(names: list[str], below: list[list[str]]) -> bool:
    """Whether only the first row of several columns is complete, with different names."""
    if len(names) < 2 or len(set(names)) < len(names) or len(below) < 2:
        return False
    complete = sum(all(cell.strip() for cell in row) for row in below)
    return complete < _FEW * len(below) and all(names) and _may_be_names(names)


def name_columns(header: list[str] | None, width: int, empty_last: bool = False) -> tuple[list[str], list[Decision]]:
    """Unique names for the columns, and a decision about changed names.

    Args:
        header: The header row; None for a file without one.
        width: Fields per row.
        empty_last: Whether the last field of every row is empty (the rows end in a separator).
    """
    if header is None:
        return [f"column{number}" for number in range(1, width + 1)], []
    names = [name.strip() for name in header]
    if len(names) == width - 1:
        names = [*names, ""] if empty_last else ["", *names]
    return named_apart(names)


def named_apart(names: list[str]) -> tuple[list[str], list[Decision]]:
    """As `unique_names`, and a decision about changed names."""
    unique = unique_names(names)
    changed = [f"{old!r} -> {new!r}" for old, new in zip(names, unique, strict=True) if old != new]
    return unique, [Decision("column names", ", ".join(changed), "column names must be unique")] if changed else []


def unique_names(names: list[str]) -> list[str]:
    """Make names unique: fill in empty ones (`column3`) and number repeated ones (`text_2`)."""
    unique: list[str] = []
    taken = set(names)
    for place, name in enumerate(names, start=1):
        candidate = name or f"column{place}"
        number = 2
        while candidate in unique or (candidate != name and candidate in taken):
            candidate = f"{name or f'column{place}'}_{number}"
            number += 1
        unique.append(candidate)
    return unique


def is_names(row: Sequence[str]) -> bool:
    """Whether all cells of a row are common column names."""
    names = [cell.strip() for cell in row]
    return all(map(_is_known, names)) and all(map(_is_short, names))


def _may_be_names(cells: Sequence[str]) -> bool:
    """Whether all cells of a row that are not empty are written like names."""
    return all((not cell or _NAME_LIKE.fullmatch(cell)) and _is_short(cell) for cell in cells)


def _is_known(name: str) -> bool:
    """Whether a cell is a common column name: `text`, `review_text`, `Review Text`; not the text `what a story`."""
    words = [[part for part in re.split(r"[\W_\d]+", word) if part] for word in name.lower().split()]
    known = any if len(words) == 1 else all
    return any(words) and known(part in _NAMES for parts in words for part in parts)


def _is_short(name: str) -> bool:
    return len(name) <= 40 and len(name.split()) <= 5 and not name.endswith((".", "!", ","))


def _numeric(column: list[str]) -> bool:
    cells = [cell.strip() for cell in column if cell.strip()]
    return bool(cells) and sum(bool(_NUMBER.fullmatch(cell)) for cell in cells) >= 0.9 * len(cells)


def _mean_length(column: list[str]) -> float:
    lengths = [len(cell) for cell in column if cell.strip()]
    return sum(lengths) / max(len(lengths), 1)
