"""Helpers that assign columns to the roles of a task: by user input, by name and by content."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from luthier.data.columns.profile import ColumnProfile, is_certain_id, is_id, is_split, require, words_of
from luthier.findings import Decision
from luthier.text import count, listing, plural

Profiles = Mapping[str, ColumnProfile]
Given = Mapping[str, str | list[str]]
Columns = dict[str, str | list[str]]

SPLIT = "split"
SHORT = ("text", "text_pair", "label", "labels")  # roles that `--text` and `--label` set, for any task
_INPUT = ("text", "text_pair")  # names of the inputs on the command line
_TARGET = ("label", "labels")  # names of the target on the command line


def asked(profiles: Profiles, given: Given, inputs: Sequence[str], target: str) -> Columns | None:
    """Assign the columns that the user named to the roles of a task.

    A saved recipe uses the task's own roles; the command line uses `text` (and `text_pair`) for the inputs, in order,
    and `label` or `labels` for the target.

    Args:
        profiles: The table's columns.
        given: Role to column.
        inputs: Input roles of the task, in the order in which a user names them.
        target: Target role of the task; empty for none.
    Returns:
        Role to column; None if the user's input does not fit this task.
    Raises:
        ColumnError: A column does not exist.
    """
    texts = [name for role in _INPUT for name in several(given.get(role))]
    labels = [name for role in _TARGET for name in several(given.get(role))]
    own = {role: given[role] for role in (*inputs, target) if role in given and role not in _INPUT}
    require(texts, profiles, where="--text")
    require(labels, profiles, where="--label")
    require([name for columns in own.values() for name in several(columns)], profiles, where="data.columns")
    known = {*_INPUT, *_TARGET, *inputs, target, SPLIT}
    if len(texts) > len(inputs) or (labels and not target) or given.keys() - known:
        return None
    found: Columns = dict(zip(inputs, texts, strict=False))
    if labels:
        found[target] = labels[0] if len(labels) == 1 else labels
    return found | own


def by_name(profiles: Profiles, names: Iterable[str], fits: Callable[[ColumnProfile], bool]) -> list[str]:
    """Find suitable columns by name, best first: full matches before partial ones, then by the order of `names`.

    Args:
        profiles: The table's columns.
        names: In lower case, with spaces between words: `answer start` matches `answer_start` and `answerStart`.
        fits: Whether a column has suitable content.
    """
    wanted = [name.split() for name in names]
    ranks: dict[str, tuple[bool, int]] = {}
    for column in profiles.values():
        words = words_of(column.name)
        inside = [rank for rank, name in enumerate(wanted) if set(name) <= set(words)]
        if inside and fits(column):
            whole = words in wanted
            ranks[column.name] = (not whole, wanted.index(words) if whole else inside[0])
    return sorted(ranks, key=lambda name: ranks[name])


def is_named(column: str, names: Iterable[str]) -> bool:
    """Whether the full name of a column is one of the names."""
    return words_of(column) in [name.split() for name in names]


def is_prose(column: ColumnProfile) -> bool:
    """Whether a column contains text in natural language: no numbers, ids, flags, lists or objects."""
    if column.list_share or is_structured(column) or column.missing_share == 1 or is_split(column):
        return False
    if column.numeric_share >= 0.5 or column.letter_share < 0.3 or column.flag_share == 1:
        return False
    return not is_id(column)


def is_structured(column: ColumnProfile) -> bool:
    """Whether a column contains lists or objects, including those written as text."""
    return bool(column.structure.lengths)


def with_split(profiles: Profiles, given: Given, columns: Columns, why: list[Decision]) -> Columns:
    """Add the column that names the split of each row, if there is one, and note it in `why`."""
    used = {name for value in columns.values() for name in several(value)}
    named = several(given.get(SPLIT))
    require(named, profiles, where="data.columns.split")
    found = named or [column.name for column in profiles.values() if is_split(column) and column.name not in used]
    if not found:
        return columns
    values = listing(list(profiles[found[0]].values or ()))
    why.append(Decision(SPLIT, f"column {found[0]!r}", f"its values are {values}"))
    return columns | {SPLIT: found[0]}


def said(role: str, column: ColumnProfile, how: str) -> Decision:
    """The decision to use a column for a role.

    Args:
        role: The role.
        column: Profile of the column.
        how: `as given`, `by name`, `by content`.
    """
    return Decision(role, f"column {column.name!r}", how if how == "as given" else f"{_content(column)}, {how}")


def unused(columns: Sequence[str], why: str) -> list[Decision]:
    """The decision not to use columns that were also suitable."""
    return [Decision("not used", listing([repr(name) for name in columns]), why)] if columns else []


def described(column: ColumnProfile) -> str:
    """Describe the content of a column as a clause: `'id' is an id`."""
    if column.missing_share == 1:
        return f"{column.name!r} is empty"
    if is_structured(column):
        return f"{column.name!r} holds {_content(column)}"
    if is_split(column):
        return f"{column.name!r} names the split"
    if is_certain_id(column):
        return f"{column.name!r} is an id"
    if column.distinct < 2:
        return f"{column.name!r} is the same in all rows"
    kind = "numbers" if column.numeric_share > 0.95 else "values"
    return f"{column.name!r} has {count(column.distinct)} different {kind} in {plural(column.n, 'row')}"


def there_are(profiles: Profiles) -> str:
    """Describe the content of every column, as the end of a reason."""
    return "; ".join(map(described, profiles.values())) or "there is no column"


def several(value: str | list[str] | None) -> list[str]:
    """Convert one name, several names or None to a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _content(column: ColumnProfile) -> str:
    structure = column.structure
    if not structure.lengths:
        return f"{plural(round(column.mean_words), 'word')} on average"
    keys = f" of {listing(sorted(structure.keys), 4)}" if structure.keys else ""
    if not structure.item:
        return f"objects{keys}" if structure.keys else "lists"
    many = {"text": "texts", "number": "numbers", "object": f"objects{keys}", "list": "lists", "span": "spans"}
    return f"lists of {many[structure.item]}"
