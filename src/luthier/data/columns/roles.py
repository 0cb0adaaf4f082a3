"""Which column plays which role of a task: what the user named, what names say, and what every task looks for."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from luthier.data.columns.profile import ColumnProfile, is_id, is_split, require, words_of
from luthier.findings import Decision
from luthier.text import count, listing, plural

Profiles = Mapping[str, ColumnProfile]
Given = Mapping[str, str | list[str]]
Columns = dict[str, str | list[str]]

SPLIT = "split"
SHORT = ("text", "text_pair", "label", "labels")  # what `--text` and `--label` say, of any task
_INPUT = ("text", "text_pair")  # how the command line names what is read
_TARGET = ("label", "labels")  # how it names what is to be learned


def asked(profiles: Profiles, given: Given, inputs: Sequence[str], target: str) -> Columns | None:
    """The columns that the user named, by the roles of a task.

    A recipe that was written out has the task's own roles; the command line has `text` (and `text_pair`) for the
    inputs, in their order, and `label` or `labels` for the target.

    Args:
        profiles: The table's columns.
        given: Role to column.
        inputs: The task's roles that are read, in the order in which a user names them.
        target: Its role that is learned; empty for none.
    Returns:
        Role to column; None where what was named is not of this task.
    Raises:
        ColumnError: A column is not there.
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
    """The columns that fit and have one of the names, best first: of whole names before parts of names, earlier ones.

    Args:
        profiles: The table's columns.
        names: In lower case, words apart: `answer start` stands for `answer_start` and `answerStart`.
        fits: What a column must hold.
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
    """Whether a column is called by one of the names, wholly."""
    return words_of(column) in [name.split() for name in names]


def is_prose(column: ColumnProfile) -> bool:
    """Whether a column holds language: no numbers, codes, flags, lists or objects."""
    if column.list_share or is_structured(column) or column.missing_share == 1 or is_split(column):
        return False
    if column.numeric_share >= 0.5 or column.letter_share < 0.3 or column.zero_one_share == 1:
        return False
    return not is_id(column)


def is_structured(column: ColumnProfile) -> bool:
    """Whether a column holds lists or objects, also where they are written as text."""
    return bool(column.structure.lengths)


def with_split(profiles: Profiles, given: Given, columns: Columns, why: list[Decision]) -> Columns:
    """The columns with that which says which split a row belongs to, where there is one; noted in `why`."""
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
    """The line about a column that was taken.

    Args:
        role: What it is taken for.
        column: Its profile.
        how: `as given`, `by name`, `by content`.
    """
    return Decision(role, f"column {column.name!r}", how if how == "as given" else f"{_content(column)}, {how}")


def unused(columns: Sequence[str], why: str) -> list[Decision]:
    """The line about columns that could have been taken too."""
    return [Decision("not used", listing([repr(name) for name in columns]), why)] if columns else []


def described(column: ColumnProfile) -> str:
    """What a column holds, as a clause: `'id' is an id`."""
    if column.missing_share == 1:
        return f"{column.name!r} is empty"
    if is_structured(column):
        return f"{column.name!r} holds {_content(column)}"
    if column.list_share:
        return f"{column.name!r} holds lists"
    if is_split(column):
        return f"{column.name!r} names the split"
    if is_id(column):
        return f"{column.name!r} is an id"
    if column.distinct < 2:
        return f"{column.name!r} is the same in all rows"
    kind = "numbers" if column.numeric_share > 0.95 else "values"
    return f"{column.name!r} has {count(column.distinct)} different {kind} in {plural(column.n, 'row')}"


def there_are(profiles: Profiles) -> str:
    """The end of a reason: what each column holds instead."""
    return "; ".join(map(described, profiles.values())) or "there is no column"


def several(value: str | list[str] | None) -> list[str]:
    """One name or several, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _content(column: ColumnProfile) -> str:
    structure = column.structure
    if not structure.lengths:
        return f"{column.mean_words:.0f} words on average"
    keys = f" of {listing(sorted(structure.keys), 4)}" if structure.keys else ""
    if not structure.item:
        return f"objects{keys}" if structure.keys else "lists"
    many = {"text": "texts", "number": "numbers", "object": f"objects{keys}", "list": "lists", "span": "spans"}
    return f"lists of {many[structure.item]}"
