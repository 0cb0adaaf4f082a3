"""The columns of a table that may be the text or the two texts of a classification task."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from luthier.data.columns.metadata import HEADING_NAMES, is_about, is_metadata
from luthier.data.columns.profile import ColumnProfile, is_id, is_split, is_unnamed, words_of
from luthier.data.columns.roles import Profiles, is_named, is_structured, said
from luthier.findings import Decision
from luthier.tasks.text_classification.shape import is_flag
from luthier.text import listing

TEXT_NAMES = (
    "text", "sentence", "review", "tweet", "comment", "body", "content", "message", "utterance", "document", "article",
    "post", "sms", "string", "passage", "paragraph", "description", "abstract", "premise", "question", "query",
    "prompt", "input", "email", "statement", "claim", "name",
)  # fmt: skip
PAIR_NAMES = (
    ("premise", "hypothesis"), ("question", "sentence"), ("question", "passage"), ("question", "answer"),
    ("query", "passage"), ("query", "document"), ("query", "title"), ("claim", "evidence"), ("claim", "text"),
    ("post", "reply"), ("context", "response"), ("prompt", "completion"), ("prompt", "response"),
    ("instruction", "output"), ("instruction", "response"), ("headline", "body"), ("target", "text"),
)  # fmt: skip
PROMPT_NAMES = ("prompt", "question", "instruction", "query")
CHOICE_NAMES = ("choice", "option", "sol", "solution", "ending", "candidate")
REPLY_NAMES = ("response", "answer", "completion", "output", "reply", "generation")
# What an opinion is about, and how the opinion is called: the target is no label beside it.
ENTITY_NAMES = ("target", "aspect", "aspect term", "aspect category")
OPINION_NAMES = ("stance", "polarity", "sentiment", "opinion")
_PROMPTS = ("premise", *PROMPT_NAMES, "context", "goal", "sentence")  # first what is read, where `question` says how
_OPINED = ("text", "tweet", "sentence", "review", "comment", "post")
_PAIRS = (*PAIR_NAMES, *product(PROMPT_NAMES, REPLY_NAMES), *product(ENTITY_NAMES, _OPINED))
FIRST = {"1", "a", "first", "left", "i"}
SECOND = {"2", "b", "second", "right", "ii", "pair"}


@dataclass(frozen=True)
class Choice:
    """The columns chosen for one role.

    Args:
        columns: Their names.
        confidence: 0 to 1.
        why: The reasons.
        unclear: What has to be asked before; empty if nothing.
    """

    columns: list[str]
    confidence: float
    why: list[Decision]
    unclear: str = ""


def find_texts(
    profiles: Profiles, asked: list[str], taken: set[str], labels_by_name: set[str], shape: str | None
) -> Choice | None:
    """The column that is the text, or the two that are a pair.

    Args:
        profiles: The table's columns.
        asked: The columns that the user named.
        taken: Columns that are something else.
        labels_by_name: Columns that are called like a label.
        shape: `single` or `pair` if the user asked for it.
    Returns:
        None if no column has text.
    """
    named = [said(role, profiles[name], "as given") for role, name in zip(("text", "text_pair"), asked, strict=False)]
    if len(asked) == 2 or (asked and shape != "pair"):
        return Choice(asked, 1.0, named)
    scores = {
        column.name: text_score(column) - (6 if column.name in labels_by_name else 0)
        for column in profiles.values()
        if column.name not in {*asked, *taken} and may_be_text(column)
    }
    ranked = sorted(scores, key=lambda name: -scores[name])
    if not asked and _is_text_missing(profiles, ranked):
        return None
    if asked:
        return Choice([*asked, ranked[0]], 0.7, [*named, _found("text_pair", profiles[ranked[0]])]) if ranked else None
    if not ranked:
        return None
    pair = None if shape == "single" else pair_of(profiles, scores)
    if pair is None and shape == "pair":
        pair = (ranked[0], ranked[1]) if len(ranked) > 1 else None
    if pair is not None:
        sure = 0.7 if is_unnamed(pair[0]) else 0.95
        return Choice(list(pair), sure, [_found("text", profiles[pair[0]]), _found("text_pair", profiles[pair[1]])])
    best = ranked[0]
    rival = rival_of(best, profiles, scores) if shape is None else None
    if rival is not None:
        what = (
            f"the columns {best!r} and {rival!r} both look like the text: they may be a pair, or one of them is unused"
        )
        return Choice([best], 0.7, [_found("text", profiles[best])], what)
    others = [name for name in ranked[1:] if scores[name] > 0.5 * scores[best] and profiles[name].mean_words >= 2]
    why = [_found("text", profiles[best])]
    if others:
        why.append(Decision("not used", listing([repr(name) for name in others]), "also text; --text a,b reads a pair"))
    return Choice([best], 0.95 if place_in(best, TEXT_NAMES) is not None else 0.7, why)


def _is_text_missing(profiles: Profiles, found: list[str]) -> bool:
    """Whether the column that is named like the text is empty, and no other such column has text."""
    empty = [name for name, column in profiles.items() if column.missing_share == 1 and is_named(name, TEXT_NAMES)]
    return bool(empty) and not any(is_named(name, TEXT_NAMES) for name in found)


def entities(profiles: Profiles) -> set[str]:
    """The columns that say what an opinion is about, if there is a column of opinions."""
    opinions = any(is_named(name, OPINION_NAMES) for name in profiles)
    return {name for name in profiles if opinions and is_named(name, ENTITY_NAMES)}


def compared(profiles: Profiles) -> str:
    """What is unclear where several replies to a prompt are compared, since not all of these texts are read."""
    words = {name: words_of(name) for name, column in profiles.items() if may_be_text(column)}
    prompts = [name for name in words if words[name] in ([one] for one in _PROMPTS)]
    replies = [name for name in words if len(words[name]) == 2 and words[name][0] in (*REPLY_NAMES, *CHOICE_NAMES)]
    if not prompts or len(replies) < 2 or len({words[name][0] for name in replies}) > 1:
        return ""
    return f"{listing([repr(name) for name in replies])} answer {prompts[0]!r}, and at most two texts are read together"


def may_be_text(column: ColumnProfile) -> bool:
    """Whether a column holds text, by its name or by what is in it."""
    if is_structured(column) or column.list_share or column.missing_share == 1 or is_split(column) or is_flag(column):
        return False
    if place_in(column.name, TEXT_NAMES) == 0:
        return True
    return column.numeric_share < 0.5 and column.letter_share >= 0.4 and not is_id(column)


def text_score(column: ColumnProfile) -> float:
    """How much a column looks like the text: long, different in each row, and named like one."""
    score = math.log2(1 + min(column.mean_chars, 500)) / 2 + 2 * column.distinct_share - 4 * column.missing_share
    words = words_of(column.name)
    if (rank := place_in(column.name, TEXT_NAMES)) is not None:
        score += (4 if len(words) == 1 else 3) - rank / len(TEXT_NAMES)
    elif HEADING_NAMES & set(words):
        score += 1
    return score - (4 if is_about(column) else 0)


def pair_of(profiles: Profiles, scores: Mapping[str, float]) -> tuple[str, str] | None:
    """Two text columns that form a pair, by their names, or by their lengths if they have no names."""
    table = [name for name in profiles if scores.get(name, 0) > 0]  # in the table's order
    stems = {name: [] if is_unnamed(name) else words_of(name) for name in table}
    numbered = [
        (first, second)
        for first in table
        for second in table
        if _is_numbered_pair(stems[first], stems[second])
        and max(profiles[first].distinct_share, profiles[second].distinct_share) > 0.2  # judgements of annotators recur
    ]
    if numbered:
        return max(numbered, key=lambda pair: scores[pair[0]] + scores[pair[1]])
    for one in _PAIRS:
        match = [[name for name in table if stems[name] == words.split()] for words in one]
        if all(match):
            return match[0][0], match[1][0]
    prose = [name for name in table if profiles[name].mean_words >= 2]
    if len(prose) == 2 and all(is_unnamed(name) for name in prose):
        shorter, longer = sorted(profiles[name].mean_chars for name in prose)
        if longer <= 2 * shorter and min(profiles[name].distinct_share for name in prose) > 0.2:
            return prose[0], prose[1]
    return None


def rival_of(best: str, profiles: Profiles, scores: Mapping[str, float]) -> str | None:
    """Another column that is as much a text as the best one, where no name tells them apart."""
    for name in sorted(scores, key=lambda name: -scores[name]):
        if name == best:
            continue
        columns = profiles[best], profiles[name]
        told = (place_in(column.name, TEXT_NAMES) is not None or is_metadata(column) for column in columns)
        shorter, longer = sorted(column.mean_chars for column in columns)
        prose = all(column.mean_words >= 2 and column.distinct_share > 0.2 for column in columns)
        if prose and longer <= 2 * shorter and not any(told):
            return name
    return None


def _is_numbered_pair(first: list[str], second: list[str]) -> bool:
    """Whether two names differ only in 1 and 2 (or a and b), or in a 2, b or pair at the end of the second."""
    if first and first == second[:-1] and second[-1] in SECOND:
        return True
    differing = [(one, two) for one, two in zip(first, second, strict=False) if one != two]
    return len(first) == len(second) and len(differing) == 1 and differing[0][0] in FIRST and differing[0][1] in SECOND


def place_in(name: str, known: tuple[str, ...]) -> int | None:
    """The index of the first known name that is a word of a column's name; None if there is none."""
    words = set(words_of(name))
    return next((rank for rank, word in enumerate(known) if word in words), None)


def _found(role: str, column: ColumnProfile) -> Decision:
    return said(role, column, "by content" if place_in(column.name, TEXT_NAMES) is None else "by name")
