"""The columns of a table that may be the label of a classification task, or each be one of several labels."""

from collections.abc import Sequence

from luthier.data.columns.joined import SEPARATORS
from luthier.data.columns.metadata import HEADING_NAMES, JUDGES, is_about
from luthier.data.columns.profile import (
    SAMPLE,
    ColumnProfile,
    holds_tags,
    is_id,
    is_mark,
    is_split,
    is_unnamed,
    words_of,
)
from luthier.data.columns.roles import Profiles, is_named, is_structured
from luthier.data.splits import SPLIT_OF
from luthier.findings import Decision
from luthier.tasks.chat.messages import ROLES
from luthier.tasks.text_classification.shape import NEARLY_ALL, flags_said, is_flag, number_share
from luthier.tasks.text_classification.text_columns import TEXT_NAMES, Choice, entities, place_in
from luthier.text import listing, plural

# Best first: of two columns with such names, the earlier name wins.
LABEL_NAMES = (
    "label", "labels", "gold", "target", "targets", "class", "classes", "y", "sentiment", "stars", "star", "rating",
    "score", "category", "categories", "intent", "emotion", "emotions", "topic", "topics", "tag", "tags", "polarity",
    "stance", "quality", "similarity", "grade", "toxicity", "spam", "entailment", "type", "genre", "gender", "outcome",
    "duplicate", "paraphrase",
)  # fmt: skip
# Whatever else the table holds.
CERTAIN_NAMES = (
    "label", "labels", "gold", "target", "class", "y", "gold label", "final label", "true label", "majority label",
)  # fmt: skip
INPUT_NAMES = ("prompt", "instruction", "question", "query", "input", "context")  # whatever recurs in them
CODE_NAMES = {"code", "id", "index", "number", "name", "text"}  # of the same classes in another column
SCORE_NAMES = {"score", "rating", "grade", "label"}
CERTAINTIES = {"confidence", "count", "vote", "votes", "likes", "helpful", "length"}
SPLIT_NAMES = {*SPLIT_OF, "holdout", "heldout"}


def find_labels(profiles: Profiles, asked: list[str], texts: set[str], shape: str | None) -> Choice | None:
    """The column that is the label, or several that are flags of one label each.

    Args:
        profiles: The table's columns.
        asked: The columns that the user named.
        texts: The columns that are read as texts.
        shape: The kind of label that the user asked for; None if not set.
    Returns:
        None if no column may be a label.
    """
    if asked:
        return Choice(asked, 1.0, [Decision("label", _columns(asked), "as given")])
    taken = texts | entities(profiles)
    columns = [column for column in profiles.values() if column.name not in taken and not _is_of_split(column)]
    # Later columns win a tie: in tables without column names, the label is usually last.
    ranked = sorted([column for column in columns[::-1] if _may_be_label(column)], key=label_score, reverse=True)
    set_apart = [one for one in columns if _is_one_flag(one)], [one for one in columns if is_mark(one)]
    flags = max(*map(_of_one_judge, set_apart), key=len)
    if len(flags) > 1 and _are_flags(flags, ranked[0] if ranked else None, shape):
        names = [one.name for one in flags]
        why = Decision("labels", _columns(names), f"{flags_said(flags)}: each is a label")
        return Choice(names, 0.85 if len(flags) > 2 else 0.6, [why, *_left_out(profiles)])
    if not ranked:
        return None
    best, *others = ranked
    by_name = label_place(best.name) is not None
    reasons = [_found(best, by_name=by_name), *_left_out(profiles)]
    rivals = [one for one in others if not is_about(one) or (not by_name and is_outcome(one))]
    equal = [one for one in rivals if _are_equal(best, one)]
    if equal:
        quoted = listing([repr(one.name) for one in columns if one in equal or one is best], 6)
        what = f"the columns {quoted} could each be the label, and their names do not show which"
        return Choice([best.name], 0.4, reasons, what)
    if unused := [repr(column.name) for column in rivals if label_score(column) > 0]:
        reasons.append(Decision("not used", listing(unused), "could be the label too; --label takes another"))
    return Choice([best.name], _label_confidence(best, bool(unused)), reasons, "" if by_name else _turns(best))


def _of_one_judge(flags: Sequence[ColumnProfile]) -> list[ColumnProfile]:
    """Flags without those of several annotators, who each set the same label."""
    judged = [one for one in flags if set(words_of(one.name)) & JUDGES]
    several = [one for one in judged if any(_are_numbered(one.name, other.name) for other in judged if other != one)]
    return [one for one in flags if one not in several]


def _are_flags(flags: Sequence[ColumnProfile], best: ColumnProfile | None, shape: str | None) -> bool:
    """Whether columns are flags of one label each, rather than the best column being the label."""
    if best is None:
        return shape in (None, "several")
    clear = label_place(best.name) is not None and (best not in flags or is_named(best.name, CERTAIN_NAMES))
    by_content = shape is None and not clear and (len(flags) > 2 or best in flags)
    return by_content or (shape == "several" and best.parts is None)


def _are_equal(best: ColumnProfile, other: ColumnProfile) -> bool:
    """Whether two columns may be the label equally well, and are not the same classes in other words."""
    values, others = dict(best.values or {}), dict(other.values or {})
    if is_named(best.name, CERTAIN_NAMES):
        return False
    words = set(words_of(best.name)), set(words_of(other.name))
    related = bool(words[0] & words[1]) or any(one & CODE_NAMES for one in words)
    if related and values.keys() != others.keys() and sorted(values.values()) == sorted(others.values()):
        return False
    if _are_numbered(best.name, other.name) or (len(values) > 1 and values.keys() == others.keys()):
        return True
    if label_place(best.name) is not None:  # label_sexist, label_category
        alike = label_place(other.name) == label_place(best.name) and len(words_of(best.name)) > 1
        return alike and label_score(other) == label_score(best)
    return is_outcome(other) or label_score(other) > label_score(best) - 0.5


def is_outcome(column: ColumnProfile) -> bool:
    """Whether a name ends like a label's, whatever it begins with: `domain1_score`, but not `confidence_score`."""
    *words, last = words_of(column.name) or [""]
    return last in SCORE_NAMES and not CERTAINTIES & set(words)


def _are_numbered(first: str, second: str) -> bool:
    """Whether two names differ only in a number or letter at their end, as those of several annotators."""
    (*stem, one), (*other, two) = words_of(first) or [""], words_of(second) or [""]
    ends = all(end.isdecimal() or len(end) == 1 for end in (one, two))
    return bool(stem) and stem == other and ends


def _is_of_split(column: ColumnProfile) -> bool:
    """Whether a column of flags says which rows are those of a split, as `is_train` does."""
    return is_flag(column) and bool(SPLIT_NAMES & set(words_of(column.name)))


def _left_out(profiles: Profiles) -> list[Decision]:
    """Columns that may have been meant to say something about the label, or the rows to hold out."""
    held = [repr(one.name) for one in profiles.values() if _is_of_split(one)]
    empty = [repr(one.name) for one in profiles.values() if one.missing_share == 1]
    why = "may say which rows are held out: a column 'split' of train, validation and test does"
    said = [Decision("not used", listing(held), why)] if held else []
    return said + ([Decision("not used", listing(empty), "empty in all rows")] if empty else [])


def _turns(column: ColumnProfile) -> str:
    """What is unclear if the values of a column are the speakers of a conversation; empty if they are not."""
    speakers = list(column.values or ())
    if not speakers or not {speaker.lower() for speaker in speakers} <= ROLES.keys():
        return ""
    what = (
        f"each row seems to be one turn of a conversation, by the speakers in {column.name!r}: {listing(speakers, 4)}"
    )
    return f"{what} (for chat, collect the turns of each conversation in one row, as a list in a column 'messages')"


def _may_be_label(column: ColumnProfile) -> bool:
    by_name = label_place(column.name) is not None
    coded = is_id(column) and not (by_name and column.distinct_share < 0.5)
    if (
        coded
        or holds_tags(column)
        or column.missing_share > 0.98
        or is_split(column)
        or (column.distinct < 2 and not is_named(column.name, (*LABEL_NAMES, *CERTAIN_NAMES)))
    ):
        return False
    if not by_name and is_named(column.name, INPUT_NAMES):
        return False
    if column.flags is not None or is_object(column):
        return column.flags is not None
    if column.list_share:
        return column.list_share > 0.9 and column.parts is not None and (by_name or len(column.parts) < column.n / 2)
    joined = column.separator in SEPARATORS or (column.separator and (by_name or is_unnamed(column.name)))
    if number_share(column) >= NEARLY_ALL or joined:
        return True
    if column.mean_chars > 60 or column.mean_words > 8:
        return False
    if column.n < 20:  # too few rows for shares to mean much
        return by_name or column.distinct_share < 1
    return column.distinct_share <= (0.5 if by_name or column.distinct <= 20 else 0.2)


def label_score(column: ColumnProfile) -> float:
    """How much a column looks like the label: named like one, of few values, in each row."""
    score = 0.0
    words = words_of(column.name)
    if (place := label_place(column.name)) is not None:
        score += (4 if len(words) == 1 or is_named(column.name, CERTAIN_NAMES) else 3) - place / len(LABEL_NAMES)
    if is_about(column):
        score -= 4
    if HEADING_NAMES & set(words) or place_in(column.name, TEXT_NAMES) is not None:
        score -= 1
    few = column.distinct <= 20 and column.distinct_share <= 0.5
    return score + (1 if few or column.list_share or column.flags else 0) - 2 * column.missing_share


def _label_confidence(column: ColumnProfile, rivals: bool) -> float:
    words = words_of(column.name)
    if is_about(column):
        return 0.3
    if label_place(column.name) is not None or words[:1] in (["is"], ["has"]):
        return 0.95 if len(words) == 1 else 0.85
    if HEADING_NAMES & set(words):
        return 0.3
    few = column.distinct <= 20 or column.flags is not None
    return (0.7 if is_unnamed(column.name) else 0.6 if few else 0.4) - (0.2 if rivals else 0)


def _is_one_flag(column: ColumnProfile) -> bool:
    return is_flag(column) and column.missing_share < 0.5 and not is_about(column) and not is_id(column)


def label_place(name: str) -> int | None:
    """The place of a column's name among `LABEL_NAMES`, best first; None if it is no such name."""
    words = words_of(name)
    place = place_in(name, LABEL_NAMES)
    return len(LABEL_NAMES) if place is None and words[:1] in (["is"], ["has"]) and len(words) > 1 else place


def is_object(column: ColumnProfile) -> bool:
    """Whether the cells of a column are objects, or lists of anything but labels."""
    return column.flags is None and is_structured(column) and (bool(column.structure.keys) or column.parts is None)


def _found(column: ColumnProfile, *, by_name: bool) -> Decision:
    rows = plural(column.n, "row") if column.n < SAMPLE else f"a sample of {plural(column.n, 'row')}"
    how = "by name" if by_name else "by content"
    return Decision("label", f"column {column.name!r}", f"{plural(column.distinct, 'value')} in {rows}, {how}")


def _columns(names: list[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {listing([repr(name) for name in names], 12)}"
