"""Recognise the columns of words and their tags, or of texts and their spans."""

from collections.abc import Sequence

from luthier.data.columns.profile import ColumnProfile, Recognition, holds_tags
from luthier.data.columns.roles import (
    Columns,
    Given,
    Profiles,
    asked,
    by_name,
    is_named,
    is_prose,
    said,
    several,
    unused,
    with_split,
)
from luthier.data.columns.structure import same_lengths
from luthier.findings import Decision
from luthier.tasks.text_classification.columns import recognise_classification
from luthier.tasks.token_classification.annotations import is_spans

TASK = "token-classification"
SHAPES = ("tokens", "spans")
# Best first.
TOKEN_NAMES = ("tokens", "words", "token", "word", "sentence", "text")
TAG_NAMES = (
    *("ner tags", "ner", "ner labels", "iob", "bio", "tags", "labels", "entities", "tag", "label", "word labels"),
    *("upos", "pos tags", "pos", "chunk tags"),
)
SPAN_NAMES = ("spans", "entities", "label", "labels", "annotations", "entity", "ner", "annotation")
TEXT_NAMES = ("text", "sentence", "content", "document", "data")
_CLEAR = 0.4  # confidence above which a label of the whole text is asked about


def recognise_tokens(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find words with tags (roles `tokens`, `tags`) or texts with spans (roles `text`, `spans`).

    Arguments and errors as in `Task.recognise`.
    """
    found = [_tokens(profiles, given) if shape in (None, "tokens") else None]
    found += [_spans(profiles, given) if shape in (None, "spans") else None]
    return max(filter(None, found), key=lambda recognition: recognition.confidence, default=None)


def likely(profiles: Profiles) -> list[Columns]:
    """The columns of the words and their tags, where something else may be meant too."""
    found = _tokens(profiles, {})
    return [{role: name for role, name in found.columns.items() if role in ("tokens", "tags")}] if found else []


def _tokens(profiles: Profiles, given: Given) -> Recognition | None:
    named = asked(profiles, given, ["tokens"], "tags")
    if named is None or not all(_is_list(profiles[one]) for one in several(named.get("tags"))):
        return None
    if not all(_may_be_words(profiles[one]) for one in several(named.get("tokens"))):
        return None
    tags = _tags(profiles, several(named.get("tags")), several(named.get("tokens")))
    if not tags:
        return None
    best = profiles[tags[0]]
    words = [
        column.name
        for column in profiles.values()
        if column.name not in tags and not holds_tags(column) and _are_words(column, best) and _fit(column, best)
    ]
    words = [name for name in words if _is_list(profiles[name])] or words
    known = by_name({name: profiles[name] for name in words}, TOKEN_NAMES, _may_be_words)
    words = several(named.get("tokens")) or known or words
    if not words:
        return None
    token = profiles[words[0]]
    if not _is_list(token) and not (_are_words(token, best) and _fit(token, best)):
        return None
    why = [_line("tokens", token, named, TOKEN_NAMES), _line("tags", best, named, TAG_NAMES)]
    why += unused(tags[1:], "also tags; --label takes another")
    if not _is_list(token):
        why.append(Decision("words", "split at spaces", f"as many as there are tags in {best.name!r}"))
    sure = 0.97 if is_named(token.name, TOKEN_NAMES) and is_named(best.name, TAG_NAMES) else 0.85
    columns = with_split(profiles, given, {"tokens": token.name, "tags": best.name}, why)
    unclear = "" if named or _is_list(token) else _labelled(profiles, token.name, best.name)
    return Recognition(TASK, "tokens", columns, 1.0 if len(named) == 2 else sure, why, unclear)


def _tags(profiles: Profiles, named: list[str], tokens: list[str]) -> list[str]:
    """The columns that may be tags, best first."""
    if named:
        return named
    candidates = {name: column for name, column in profiles.items() if _is_list(column) and name not in tokens}
    called = [name for name in by_name(candidates, TAG_NAMES, _is_list) if is_named(name, TAG_NAMES)]
    called = [name for name in called if any(_fit(other, profiles[name]) for other in _others(profiles, name))]
    return called + [name for name in candidates if name not in called and holds_tags(profiles[name])]


def _spans(profiles: Profiles, given: Given) -> Recognition | None:
    named = asked(profiles, given, ["text"], "spans")
    if named is None:
        return None
    spans = several(named.get("spans")) or _span_columns(profiles)
    texts = several(named.get("text")) or by_name(profiles, TEXT_NAMES, _may_hold_text)
    texts = texts or [name for name, column in profiles.items() if is_prose(column)]
    if not spans or not texts or texts[0] == spans[0] or not is_spans(profiles[spans[0]]):
        return None
    text, span = profiles[texts[0]], profiles[spans[0]]
    why = [_line("text", text, named, TEXT_NAMES), _line("spans", span, named, SPAN_NAMES)]
    columns = with_split(profiles, given, {"text": text.name, "spans": span.name}, why)
    sure = 0.97 if is_named(span.name, SPAN_NAMES) else 0.85
    return Recognition(TASK, "spans", columns, 1.0 if len(named) == 2 else sure, why)


def _span_columns(profiles: Profiles) -> list[str]:
    called = by_name(profiles, SPAN_NAMES, is_spans)
    return called + [name for name, column in profiles.items() if name not in called and is_spans(column)]


def _may_hold_text(column: ColumnProfile) -> bool:
    """Whether a column is text, or an object with a text as Label Studio writes it."""
    return is_prose(column) or (not column.structure.item and "text" in column.structure.keys)


def _others(profiles: Profiles, name: str) -> list[ColumnProfile]:
    return [column for column in profiles.values() if column.name != name and column.structure.item == "text"]


def _is_list(column: ColumnProfile) -> bool:
    return column.structure.item in ("text", "number")


def _may_be_words(column: ColumnProfile) -> bool:
    return _is_list(column) or is_prose(column)


def _are_words(column: ColumnProfile, tags: ColumnProfile) -> bool:
    """Whether a column holds lists of words, or texts, which are split at blanks if each word has a marked tag."""
    return column.structure.item == "text" or (is_prose(column) and holds_tags(tags))


def _fit(column: ColumnProfile, tags: ColumnProfile) -> bool:
    """Whether two columns have equally many items in nearly every row; other rows are skipped later."""
    return same_lengths(column.structure.lengths or column.word_counts, tags.structure.lengths) > 0.8


def _labelled(profiles: Profiles, text: str, tags: str) -> str:
    """What is unclear if the texts have a label too; empty if they have none."""
    found = recognise_classification(profiles, given={}, shape=None)
    labels = several(found.columns.get("label")) if found is not None and found.confidence > _CLEAR else []
    if not labels:
        return ""
    return f"the texts in {text!r} have a tag for each word, in {tags!r}, and a label, in {labels[0]!r}"


def _line(role: str, column: ColumnProfile, named: Columns, names: Sequence[str]) -> Decision:
    how = "as given" if role in named else "by name" if is_named(column.name, names) else "by content"
    return said(role, column, how)
