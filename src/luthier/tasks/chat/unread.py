"""What in messages and beside them is not read, but may say what is to be learned: marks, flags, scores, reasoning."""

from luthier.data.columns.metadata import is_metadata
from luthier.data.columns.profile import ColumnProfile, is_id, words_of
from luthier.data.columns.roles import Columns, Profiles, several, unused
from luthier.data.columns.structure import same_lengths
from luthier.data.values import flag_in, structured
from luthier.findings import Decision
from luthier.tasks.chat.marks import is_mark
from luthier.tasks.chat.messages import CONTENT_KEYS, ROLE_KEYS
from luthier.tasks.chat.parts import reasoning_in
from luthier.text import count, plural

_SCORE_WORDS = {
    "score", "rating", "reward", "grade", "quality", "helpfulness", "correctness", "coherence", "complexity",
    "verbosity", "truthfulness", "honesty", "harmlessness", "relevance", "accuracy", "toxicity", "stars",
}  # fmt: skip
_GOOD_WORDS = {
    "label", "desirable", "kto", "good", "correct", "valid", "safe", "helpful", "preferred", "chosen", "accepted",
    "approved", "liked", "upvoted", "thumbs",
}  # fmt: skip
_BAD_WORDS = {
    "bad", "toxic", "harmful", "unsafe", "flagged", "spam", "wrong", "incorrect", "undesirable", "hallucination",
    "hallucinated", "refusal", "error",
}  # fmt: skip
_SAME = 0.95  # minimum share of the rows in which a list of marks is as long as that of the messages


def judgements(profiles: Profiles, columns: Columns, shape: str) -> list[str]:
    """Unread columns that may say whether a reply is good: flags, and beside a single reply also scores."""
    found = []
    for name, column in _unread(profiles, columns).items():
        words = set(words_of(name))
        score = shape != "messages" and column.numeric_share > _SAME and words & _SCORE_WORDS
        if score or (_is_flag(column) and words & (_GOOD_WORDS | _BAD_WORDS)):
            found.append(name)
    return found


def other_flags(profiles: Profiles, columns: Columns) -> list[str]:
    """Unread columns of flags that judge nothing by their names, such as `redacted`."""
    judging = judgements(profiles, columns, "messages")
    unread = _unread(profiles, columns)
    return [name for name, one in unread.items() if _is_flag(one) and name not in judging and not is_metadata(one)]


def may_be_desirable(column: ColumnProfile) -> bool:
    """Whether a flag may say that a reply is good, rather than toxic or the like."""
    return _is_flag(column) and bool(_GOOD_WORDS & set(words_of(column.name)))


def unclear_judgement(name: str) -> str:
    """What is unclear about a column that may judge the replies."""
    return f"column {name!r} may say which replies are good enough to train on, or be the label to predict"


def unclear_marks(profiles: Profiles, messages: ColumnProfile) -> str:
    """What is unclear about a list beside the messages, of weights or speakers; empty if there is none."""
    found = _marks(profiles, messages)
    if not found:
        return ""
    if profiles[found[0]].structure.item == "text":
        what = "a text for each message: if it names the speakers, write them as a role in each message"
    else:
        what = (
            "a number for each message: if it says which turns are learned, write it as weight 0 or 1 in each message"
        )
    return f"column {found[0]!r} has {what}; if not, name the messages with --column messages={messages.name}"


def reasoning(messages: ColumnProfile) -> list[Decision]:
    """The decision not to learn what is thought before it is said, if there is any."""
    rows = [kinds for cell in messages.cells if (kinds := reasoning_in(structured(cell)))]
    names = sorted(set().union(*rows))
    why = f"reasoning, in {count(len(rows))} of {plural(messages.n, 'row')}; to learn it, write it into the content"
    return unused(names, why)


def unread_flags(messages: ColumnProfile) -> list[str]:
    """Keys of messages with a flag that is not read, such as `approved`."""
    keys = [key for key in sorted(messages.structure.keys) if key not in ROLE_KEYS + CONTENT_KEYS and not is_mark(key)]
    values = {key: set(messages.fields[f"{messages.name}.{key}"].parts or ()) for key in keys}
    return [key for key in keys if values[key] and None not in map(flag_in, values[key])]


def _marks(profiles: Profiles, messages: ColumnProfile) -> list[str]:
    """Columns with a list of numbers as long as that of the messages; beside plain texts, also of their speakers."""
    kinds = ("number", "text") if messages.structure.item == "text" else ("number",)
    return [
        name
        for name, column in profiles.items()
        if name != messages.name
        and column.structure.item in kinds
        and same_lengths(column.structure.lengths, messages.structure.lengths) > _SAME
    ]


def _unread(profiles: Profiles, columns: Columns) -> Profiles:
    read = {name for names in columns.values() for name in several(names)}
    free = {name: one for name, one in profiles.items() if name not in read and "rejected" not in words_of(name)}
    return {name: one for name, one in free.items() if one.distinct > 1 and not is_id(one)}


def _is_flag(column: ColumnProfile) -> bool:
    return column.distinct > 0 and column.flag_share == 1
