"""Decide what kind of label a column has: one class, several labels, or a number."""

from collections.abc import Sequence

from luthier.data.checks.labels import MISSING_WORDS
from luthier.data.columns.numbers import as_whole
from luthier.data.columns.profile import ColumnProfile, is_mark, words_of
from luthier.data.columns.roles import Profiles
from luthier.findings import Decision
from luthier.tasks.text_classification.strays import most_strays, skipped, strays_of
from luthier.text import listing, plural

QUANTITY_NAMES = {"score", "rating", "similarity", "price", "value", "amount", "age", "grade", "points", "percent"}
MOST_CLASSES = 50  # maximum distinct whole numbers that are classes whatever their name
NEARLY_ALL = 0.9  # minimum share of numbers in a column of numbers; rows with other cells are skipped
FEW_WORDS = 5  # maximum distinct words beside numbers that may be numbers to predict
_SHAPE = "shape"


def kind_of(profiles: Profiles, labels: list[str], asked: str | None, *, several: bool) -> tuple[str, list[Decision]]:
    """Decide whether the label is `one` class, `several` labels or a `number`, and why.

    Args:
        profiles: The table's columns.
        labels: The label column, or several columns of 0 and 1.
        asked: The kind that the user asked for; None if not set.
        several: Whether the user named the column as one of several labels.
    """
    column = profiles[labels[0]]
    if asked is not None:
        return asked, [Decision(_SHAPE, asked, "as given"), *_names(column)]
    if len(labels) > 1:
        return "several", [Decision(_SHAPE, "several labels", flags_said([profiles[name] for name in labels]))]
    if column.flags is not None:
        flags = f"{plural(len(column.flags.names), 'label')}, one flag each"
        if column.flags.single and not several:
            return "one", [Decision(_SHAPE, "one label", f"{flags}, exactly one is set in each row"), *_names(column)]
        return "several", [Decision(_SHAPE, "several labels", flags), *_names(column)]
    if column.list_share or column.separator or several:
        joined = "lists" if column.list_share else f"joined by {column.separator!r}"
        kinds = plural(len(column.parts or ()), "label")
        if not several and set(column.structure.lengths) - {-1} == {1}:
            return "one", [Decision(_SHAPE, "one label", f"{kinds}, {joined} of exactly one")]
        return "several", [Decision(_SHAPE, "several labels", f"{kinds}, {joined}")]
    odd = skipped(column.not_finite, "a finite number")
    if number_share(column) >= NEARLY_ALL and (reason := _number_reason(column)):
        commas = f"; {column.writing.said()}" if column.writing else ""
        odd = skipped(column.others + column.not_finite, "a finite number")
        return "number", [Decision(_SHAPE, "a number", reason + commas + odd)]
    strays = strays_of(column)
    classes = plural(strays.classes if strays else column.distinct, "class", "classes")
    return "one", [Decision(_SHAPE, "one label", classes + (strays.said() if strays else odd))]


def may_be_classes(column: ColumnProfile) -> str:
    """What is unclear about labels that may be joined, or be classes as they stand; empty if nothing."""
    if column.joined_surely or column.separator is None:
        return ""
    joined = [repr(value) for value in column.values or column.examples if column.separator in value]
    one, several = plural(column.distinct, "class", "classes"), plural(len(column.parts or ()), "label")
    return (
        f"the cells of {column.name!r} may be {one} ({listing(joined, 3)}, ...), or {several} joined by"
        f" {column.separator!r} ({listing(list(map(repr, column.parts or ())), 4)})"
    )


def number_share(column: ColumnProfile) -> float:
    """Share of numbers in a column, without the cells that only say that there is none, such as `n/a`."""
    rows = column.n * (1 - column.missing_share)
    missing = sum(n for word, n in column.others.items() if word.strip().casefold() in MISSING_WORDS)
    return column.numeric_share * rows / max(rows - missing, 1)


def may_be_a_number(column: ColumnProfile) -> str:
    """What is unclear about a column of numbers and a few words, such as prices and `free`; empty if nothing."""
    if not 0 < len(column.others) <= FEW_WORDS or number_share(column) >= NEARLY_ALL or not _number_reason(column):
        return ""
    words = listing([f"{word!r} ({plural(n, 'row')})" for word, n in column.others.most_common()])
    return (
        f"{column.name!r} has numbers from {column.low:g} to {column.high:g}, and also {words}: it may be a number to"
        " predict, with these rows skipped, or classes"
    )


def may_have_thousands(column: ColumnProfile) -> str:
    """What is unclear about numbers that may have thousands or a fraction; empty if nothing."""
    if not column.thousands:
        return ""
    return (
        f"the numbers in {column.name!r} are ambiguous: {column.thousands} is read as a fraction, but may be"
        f" {as_whole(column.thousands)}; if it is, write it that way in the file"
    )


def is_flag(column: ColumnProfile) -> bool:
    """Whether a column is a flag (`values.flag_in`) in each row, but for single cells that are not numbers."""
    if column.flag_share == 1 or not column.distinct:
        return column.distinct > 0
    rows = round(column.n * (1 - column.missing_share))
    strays = round(rows * (1 - column.flag_share))
    numbers = 0 if column.low is None else column.low, 1 if column.high is None else column.high
    return strays <= most_strays(rows) and numbers == (0, 1) and column.integer_share == column.numeric_share


def flags_said(columns: Sequence[ColumnProfile]) -> str:
    """How many columns are flags, and of which values."""
    found = sorted({repr(value) for column in columns for value in column.values or ()})
    values = " and ".join(found) if len(found) == 2 else listing(found, 4)
    empty = all(map(is_mark, columns))
    return f"{plural(len(columns), 'column')} of {values}" + (", set unless the cell is empty" if empty else "")


def _names(column: ColumnProfile) -> list[Decision]:
    """The decision to name labels by their positions, where the data has flags without names."""
    flags = column.flags
    if flags is None or flags.names != tuple(map(str, range(len(flags.names)))):
        return []
    why = "positions of the flags, which have no names" + (", leading zeros restored" if flags.padded else "")
    return [Decision("label names", listing(list(flags.names), 8), why)]


def _number_reason(column: ColumnProfile) -> str:
    """Why a column of numbers is a number to predict rather than classes; empty if it is classes."""
    span = f"{column.low:g} to {column.high:g}"
    strays, numbers = strays_of(column), column.distinct - len(column.others)
    if column.integer_share < column.numeric_share and strays is None:
        return f"{plural(numbers, 'value')} from {span}, not all whole" if numbers > 5 else ""
    distinct = strays.classes if strays else numbers
    if distinct <= MOST_CLASSES or column.low is None or column.high is None:
        return ""
    # Classes are numbered from 0 or 1 without gaps; quantities are not, or have a telling name.
    numbered = column.low in (0, 1) and column.high - column.low + 1 <= 1.2 * distinct
    unit = column.writing is not None and bool(column.writing.before or column.writing.after)
    quantity = unit or bool(QUANTITY_NAMES & set(words_of(column.name)))
    if quantity or (column.distinct_share > 0.05 and not numbered):
        return f"{plural(distinct, 'whole number')} from {span}"
    return ""
