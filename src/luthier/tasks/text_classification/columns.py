"""Recognise the text and label columns of a classification task, and its shape."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from luthier.data.columns.joined import SEPARATORS
from luthier.data.columns.metadata import HEADING_NAMES, is_about, is_metadata
from luthier.data.columns.profile import (
    SAMPLE,
    ColumnProfile,
    Recognition,
    is_id,
    is_split,
    is_unnamed,
    require,
    words_of,
)
from luthier.data.columns.roles import Columns, Given, Profiles, described, is_named, is_structured, several
from luthier.errors import RecipeError, UsageError
from luthier.findings import Decision
from luthier.tasks.chat.messages import ROLES
from luthier.tasks.text_classification.shape import is_flag, kind_of, may_be_classes
from luthier.text import listing, plural

TASK = "text-classification"
SHAPES = tuple(f"{texts}/{labels}" for texts in ("single", "pair") for labels in ("one", "several", "number"))

# Best first: of two columns with such names, the earlier name wins.
LABEL_NAMES = (
    "label", "labels", "gold", "target", "targets", "class", "classes", "y", "sentiment", "stars", "star", "rating",
    "score", "category", "categories", "intent", "emotion", "emotions", "topic", "topics", "tag", "tags", "polarity",
    "stance", "quality", "similarity", "grade", "toxicity", "spam", "entailment", "type", "genre", "gender", "outcome",
    "duplicate", "paraphrase",
)  # fmt: skip
TEXT_NAMES = (
    "text", "sentence", "review", "tweet", "comment", "body", "content", "message", "utterance", "document", "article",
    "post", "sms", "string", "passage", "paragraph", "description", "abstract", "premise", "question", "query",
    "prompt", "input", "email", "statement", "claim", "name",
)  # fmt: skip
PAIR_NAMES = (
    ("premise", "hypothesis"), ("question", "sentence"), ("question", "passage"), ("question", "answer"),
    ("query", "passage"), ("query", "document"), ("query", "title"), ("claim", "evidence"), ("claim", "text"),
    ("post", "reply"), ("context", "response"), ("headline", "body"), ("target", "text"),
)  # fmt: skip
FIRST = {"1", "a", "first", "left", "i"}
SECOND = {"2", "b", "second", "right", "ii", "pair"}


@dataclass(frozen=True)
class _Choice:
    """The columns chosen for one role, the confidence, the reasons, and what is unclear about them."""

    columns: list[str]
    confidence: float
    why: list[Decision]
    unclear: str = ""


def recognise_classification(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find the text, the second text and the label of a table, and what kind of label it is.

    Args:
        profiles: The table's columns (`columns.profile`).
        given: Columns that the user named, by role: `text` (two of them are a pair), `text_pair`, `label` (several of
            them are 0/1 columns), `labels`.
        shape: The shape that the user asked for, one of `SHAPES`; None if not set.
    Returns:
        None if no text or no label is found; `why_not` says why.
    Raises:
        ColumnError: A column that the user named does not exist.
        UsageError: One column is named for two roles, or too many for one.
        RecipeError: There is no such shape, or the named columns contradict it.
    """
    asked_texts, asked_labels = _asked(profiles, given, shape)
    if _objects(profiles, asked_texts, asked_labels):
        return None
    texts_shape, labels_shape = shape.split("/") if shape else (None, None)
    labels_by_name = {name for name in profiles if name not in asked_texts and _label_rank(name) is not None}
    texts = _find_texts(profiles, asked_texts, set(asked_labels), labels_by_name, texts_shape)
    if texts is None:
        return None
    labels = _find_labels(profiles, asked_labels, set(texts.columns), labels_shape)
    if labels is None:
        return None
    kind, kind_why = kind_of(profiles, labels.columns, labels_shape, several="labels" in given)

    columns: Columns = dict(zip(("text", "text_pair"), texts.columns, strict=False))
    if kind == "several":
        joined = len(labels.columns) == 1 and not is_flag(profiles[labels.columns[0]])
        columns["labels"] = labels.columns[0] if joined else labels.columns
    else:
        columns["label"] = labels.columns[0]
    why = [*texts.why, *labels.why, *kind_why]
    used = {*texts.columns, *labels.columns}
    splits = [column for column in profiles.values() if is_split(column) and column.name not in used]
    for column in [profiles[name] for name in [given.get("split")] if isinstance(name, str)] or splits[:1]:
        columns["split"] = column.name
        why.append(Decision("split", f"column {column.name!r}", f"its values are {listing(list(column.values or ()))}"))
    found = f"{'pair' if len(texts.columns) == 2 else 'single'}/{kind}"
    sure = round(min(texts.confidence, labels.confidence), 2)
    unclear = texts.unclear or labels.unclear
    if kind == "several" and labels_shape is None and "labels" not in given and not unclear:
        shapes = found, found.replace("several", "one")
        return Recognition(TASK, found, columns, sure, why, may_be_classes(profiles[labels.columns[0]]), shapes)
    return Recognition(TASK, found, columns, sure, why, unclear)


def why_not(profiles: Profiles, *, given: Given | None = None) -> str:
    """Explain, with a short clause for each column, why no text or no label was found."""
    asked_texts, asked_labels = _asked(profiles, given or {}, None)
    if objects := _objects(profiles, asked_texts, asked_labels):
        option, name = objects[0]
        fields = listing([f"{option} {field}" for field in profiles[name].fields], 4)
        return described(profiles[name]) + (f": name one of its fields: {fields}" if fields else "")
    texts = _find_texts(profiles, asked_texts, set(asked_labels), set(), None)
    if texts is None:
        return f"no column contains text: {'; '.join(described(column) for column in profiles.values())}"
    rest = [described(column) for column in profiles.values() if column.name not in texts.columns]
    taken = " and ".join(repr(name) for name in texts.columns)
    clauses = [f"{taken} {'is' if len(texts.columns) == 1 else 'are'} the text", *rest]
    return f"no column looks like a label: {'; '.join(clauses)}{'' if rest else ', and there is no other column'}"


def likely(profiles: Profiles) -> list[Columns]:
    """The columns that may have been meant as text and label, best first, where `recognise_classification` is unsure.

    Args:
        profiles: The table's columns.
    """
    texts = {
        column.name: _text_score(column)
        for column in profiles.values()
        if _may_be_text(column) and not is_named(column.name, LABEL_NAMES)
    }
    if not texts:
        return []
    text = max(texts, key=lambda name: texts[name])
    labels = [
        column
        for name, column in profiles.items()
        if name != text
        and not (is_id(column) or is_split(column) or is_metadata(column) or _is_object(column))
        and column.distinct > 1
        and (column.distinct_share <= 0.5 or column.flags is not None)
    ]
    labels.sort(key=_label_score, reverse=True)
    rival = _rival(text, profiles, texts)
    first, second = [name for name in profiles if name in (text, rival)] if rival else (text, "")
    pairs: list[Columns] = [{"text": first, "text_pair": second, "label": one.name} for one in labels[:1] if second]
    singles: list[Columns] = [{"text": text, "label": one.name} for one in labels[:3] if one.name != rival]
    return [*pairs, *singles]


def _asked(profiles: Profiles, given: Given, shape: str | None) -> tuple[list[str], list[str]]:
    """The columns that the user named as texts and as labels; checks that they exist and do not conflict."""
    if shape is not None and shape not in SHAPES:
        raise RecipeError(f"no shape {shape!r}", where="shape", hint=f"known: {', '.join(SHAPES)}")
    texts = [*several(given.get("text")), *several(given.get("text_pair"))]
    labels = [*several(given.get("label")), *several(given.get("labels"))]
    require(texts, profiles, where="--text")
    require(labels, profiles, where="--label")
    if twice := [name for name in {*texts, *labels} if (texts + labels).count(name) > 1]:
        raise UsageError(
            f"the column {sorted(twice)[0]!r} is named twice", where="--text, --label", hint="name each column once"
        )
    if len(texts) > 2:
        raise UsageError(
            f"{plural(len(texts), 'text column')} were given", where="--text", hint="pass one, or two for pairs"
        )
    if shape and shape.startswith("single") and len(texts) == 2:
        raise RecipeError(f"two texts were given for the shape {shape}", where="shape", hint=f"pair/{shape[7:]}")
    if shape and not shape.endswith("several") and len(labels) > 1:
        raise RecipeError(
            f"{plural(len(labels), 'label column')} were given for the shape {shape}",
            where="shape",
            hint=f"{shape.split('/')[0]}/several",
        )
    return texts, labels


def _find_texts(
    profiles: Profiles, asked: list[str], taken: set[str], labels_by_name: set[str], shape: str | None
) -> _Choice | None:
    named = [
        Decision(role, f"column {name!r}", "as given") for role, name in zip(("text", "text_pair"), asked, strict=False)
    ]
    if len(asked) == 2 or (asked and shape != "pair"):
        return _Choice(asked, 1.0, named)
    scores = {
        column.name: _text_score(column) - (6 if column.name in labels_by_name else 0)
        for column in profiles.values()
        if column.name not in {*asked, *taken} and _may_be_text(column)
    }
    ranked = sorted(scores, key=lambda name: -scores[name])
    if not asked and _is_text_missing(profiles, ranked):
        return None
    if asked:
        return _Choice([*asked, ranked[0]], 0.7, [*named, _found("text_pair", profiles[ranked[0]])]) if ranked else None
    if not ranked:
        return None
    pair = None if shape == "single" else _pair(profiles, scores)
    if pair is None and shape == "pair":
        pair = (ranked[0], ranked[1]) if len(ranked) > 1 else None
    if pair is not None:
        sure = 0.7 if is_unnamed(pair[0]) else 0.95
        return _Choice(list(pair), sure, [_found("text", profiles[pair[0]]), _found("text_pair", profiles[pair[1]])])
    best = ranked[0]
    rival = _rival(best, profiles, scores) if shape is None else None
    if rival is not None:
        what = (
            f"the columns {best!r} and {rival!r} both look like the text: they may be a pair, or one of them is unused"
        )
        return _Choice([best], 0.7, [_found("text", profiles[best])], what)
    others = [name for name in ranked[1:] if scores[name] > 0.5 * scores[best] and profiles[name].mean_words >= 2]
    why = [_found("text", profiles[best])]
    if others:
        why.append(Decision("not used", listing([repr(name) for name in others]), "also text; --text a,b reads a pair"))
    return _Choice([best], 0.95 if _rank(best, TEXT_NAMES) is not None else 0.7, why)


def _objects(profiles: Profiles, texts: list[str], labels: list[str]) -> list[tuple[str, str]]:
    """The named columns of lists or objects that are no texts or labels, each after the option that names it."""
    found = [("--text", name) for name in texts if is_structured(profiles[name])]
    return found + [("--label", name) for name in labels if _is_object(profiles[name])]


def _is_object(column: ColumnProfile) -> bool:
    """Whether the cells of a column are objects, or lists of anything but labels."""
    return column.flags is None and is_structured(column) and (bool(column.structure.keys) or column.parts is None)


def _is_text_missing(profiles: Profiles, found: list[str]) -> bool:
    """Whether the column that is named like the text is empty, and no other such column has text."""
    empty = [name for name, column in profiles.items() if column.missing_share == 1 and is_named(name, TEXT_NAMES)]
    return bool(empty) and not any(is_named(name, TEXT_NAMES) for name in found)


def _may_be_text(column: ColumnProfile) -> bool:
    if is_structured(column) or column.list_share or column.missing_share == 1 or is_split(column) or is_flag(column):
        return False
    if _rank(column.name, TEXT_NAMES) == 0:
        return True
    return column.numeric_share < 0.5 and column.letter_share >= 0.4 and not is_id(column)


def _text_score(column: ColumnProfile) -> float:
    """How much a column looks like the text: long, different in each row, and named like one."""
    score = math.log2(1 + min(column.mean_chars, 500)) / 2 + 2 * column.distinct_share - 4 * column.missing_share
    words = words_of(column.name)
    if (rank := _rank(column.name, TEXT_NAMES)) is not None:
        score += (4 if len(words) == 1 else 3) - rank / len(TEXT_NAMES)
    elif HEADING_NAMES & set(words):
        score += 1
    return score - (4 if is_about(column) else 0)


def _pair(profiles: Profiles, scores: Mapping[str, float]) -> tuple[str, str] | None:
    """Two text columns that form a pair, by their names, or by their lengths if they have no names."""
    table = [name for name in profiles if scores.get(name, 0) > 0]  # in the table's order
    stems = {name: [] if is_unnamed(name) else words_of(name) for name in table}
    numbered = [
        (first, second) for first in table for second in table if _is_numbered_pair(stems[first], stems[second])
    ]
    if numbered:
        return max(numbered, key=lambda pair: scores[pair[0]] + scores[pair[1]])
    for first_word, second_word in PAIR_NAMES:
        match = [[name for name in table if stems[name] == [word]] for word in (first_word, second_word)]
        if all(match):
            return match[0][0], match[1][0]
    prose = [name for name in table if profiles[name].mean_words >= 2]
    if len(prose) == 2 and all(is_unnamed(name) for name in prose):
        shorter, longer = sorted(profiles[name].mean_chars for name in prose)
        if longer <= 2 * shorter and min(profiles[name].distinct_share for name in prose) > 0.2:
            return prose[0], prose[1]
    return None


def _rival(best: str, profiles: Profiles, scores: Mapping[str, float]) -> str | None:
    """Another column that is as much a text as the best one, where no name tells them apart."""
    for name in sorted(scores, key=lambda name: -scores[name]):
        if name == best:
            continue
        columns = profiles[best], profiles[name]
        told = (_rank(column.name, TEXT_NAMES) is not None or is_metadata(column) for column in columns)
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


def _find_labels(profiles: Profiles, asked: list[str], texts: set[str], shape: str | None) -> _Choice | None:
    if asked:
        return _Choice(asked, 1.0, [Decision("label", _columns(asked), "as given")])
    candidates = [column for column in profiles.values() if column.name not in texts and _may_be_label(column)]
    if not candidates:
        return None
    # Later columns win a tie: in tables without column names, the label is usually last.
    scores = {column.name: (_label_score(column), place) for place, column in enumerate(candidates)}
    ranked = sorted(candidates, key=lambda column: scores[column.name], reverse=True)
    best, by_name = ranked[0], _label_rank(ranked[0].name) is not None
    flags = [column.name for column in profiles.values() if column.name not in texts and _may_be_one_ofseveral(column)]
    clear = by_name and best.name not in flags
    by_content = shape is None and not clear and (len(flags) > 2 or best.name in flags)
    if len(flags) >= 2 and (by_content or (shape == "several" and best.parts is None)):
        why = f"{plural(len(flags), 'column')} of 0 and 1: each is a label"
        return _Choice(flags, 0.85 if len(flags) > 2 else 0.6, [Decision("labels", _columns(flags), why)])
    reasons = [_found("label", best, by_name=by_name)]
    rivals = [repr(column.name) for column in ranked[1:] if scores[column.name][0] > 0 and not is_about(column)]
    if rivals:
        reasons.append(Decision("not used", listing(rivals), "could be the label too; --label takes another"))
    return _Choice([best.name], _label_confidence(best, bool(rivals)), reasons, "" if by_name else _turns(best))


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
    by_name = _label_rank(column.name) is not None
    coded = is_id(column) and not (by_name and column.distinct_share < 0.5)
    if coded or column.missing_share > 0.98 or is_split(column) or (column.distinct < 2 and not by_name):
        return False
    if column.flags is not None or _is_object(column):
        return column.flags is not None
    if column.list_share:
        return column.list_share > 0.9 and column.parts is not None and (by_name or len(column.parts) < column.n / 2)
    joined = column.separator in SEPARATORS or (column.separator and (by_name or is_unnamed(column.name)))
    if column.numeric_share > 0.95 or joined:
        return True
    if column.mean_chars > 60 or column.mean_words > 8:
        return False
    if column.n < 20:  # too few rows for shares to mean much
        return by_name or column.distinct_share < 1
    return column.distinct_share <= (0.5 if by_name or column.distinct <= 20 else 0.2)


def _label_score(column: ColumnProfile) -> float:
    score = 0.0
    words = words_of(column.name)
    if (rank := _label_rank(column.name)) is not None:
        score += (4 if len(words) == 1 else 3) - rank / len(LABEL_NAMES)
    if words and words[0] in {"is", "has"}:
        score += 2
    if is_about(column):
        score -= 4
    if HEADING_NAMES & set(words) or _rank(column.name, TEXT_NAMES) is not None:
        score -= 1
    few = column.distinct <= 20 and column.distinct_share <= 0.5
    return score + (1 if few or column.list_share or column.flags else 0) - 2 * column.missing_share


def _label_confidence(column: ColumnProfile, rivals: bool) -> float:
    words = words_of(column.name)
    if is_about(column):
        return 0.3
    if _label_rank(column.name) is not None or words[:1] in (["is"], ["has"]):
        return 0.95 if len(words) == 1 else 0.85
    if HEADING_NAMES & set(words):
        return 0.3
    few = column.distinct <= 20 or column.flags is not None
    return (0.7 if is_unnamed(column.name) else 0.6 if few else 0.4) - (0.2 if rivals else 0)


def _may_be_one_ofseveral(column: ColumnProfile) -> bool:
    return is_flag(column) and column.missing_share < 0.5 and not is_about(column) and not is_id(column)


def _label_rank(name: str) -> int | None:
    words = words_of(name)
    return 0 if words[:1] in (["is"], ["has"]) and len(words) > 1 else _rank(name, LABEL_NAMES)


def _rank(name: str, known: tuple[str, ...]) -> int | None:
    """The index of the first known name that is a word of a column's name; None if there is none."""
    words = set(words_of(name))
    return next((rank for rank, word in enumerate(known) if word in words), None)


def _found(role: str, column: ColumnProfile, *, by_name: bool | None = None) -> Decision:
    if by_name is None:
        by_name = _rank(column.name, TEXT_NAMES) is not None
    if role == "label":
        rows = plural(column.n, "row") if column.n < SAMPLE else f"a sample of {plural(column.n, 'row')}"
        what = f"{plural(column.distinct, 'value')} in {rows}"
    else:
        what = f"{plural(round(column.mean_words), 'word')} on average"
    return Decision(role, f"column {column.name!r}", f"{what}, {'by name' if by_name else 'by content'}")


def _columns(names: list[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {listing([repr(name) for name in names], 12)}"
