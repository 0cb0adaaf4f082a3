"""Recognise the columns of documents and their summaries."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.data.columns.metadata import is_about
from luthier.data.columns.profile import ColumnProfile, Recognition, words_of
from luthier.data.columns.roles import (
    Columns,
    Given,
    Profiles,
    asked,
    by_name,
    is_named,
    is_prose,
    is_structured,
    said,
    several,
    there_are,
    with_split,
)
from luthier.data.values import is_missing, structured
from luthier.findings import Decision
from luthier.tasks.text_classification.columns import recognise_classification
from luthier.text import listing, plural

TASK = "summarization"
# Best first.
DOCUMENT_NAMES = (
    *("document", "documents", "dialogue", "dialog", "article", "paper", "transcript", "meeting", "report", "bill"),
    *("text", "body", "content", "ctext", "maintext", "story", "passage", "review text", "review", "post", "source"),
    *("description", "conversation", "input"),
)
SUMMARY_NAMES = (
    *("summary", "summaries", "highlights", "abstract", "tldr", "tl dr", "gold summary", "reference summary"),
    *("headline", "reference", "target", "title"),
)
_SURE_SUMMARIES = [name.split() for name in SUMMARY_NAMES[:9]]
# A summary beside one of these is the heading of a review.
_OPINIONS = {"label", "labels", "sentiment", "stars", "star", "rating", "score", "overall", "class", "polarity"}


def recognise_summarization(profiles: Profiles, *, given: Given, shape: str | None) -> Recognition | None:
    """Find `document` and `summary`, which is a list of columns if there are several references (summary1, ...).

    Arguments and errors as in `Task.recognise`; the task has no shapes, so that any gives None.
    """
    named = asked(profiles, given, ["document"], "summary")
    if named is None or shape:
        return None
    documents = several(named.get("document"))
    summaries = several(named.get("summary")) or _summaries(profiles, documents)
    documents = documents or [name for name in by_name(profiles, DOCUMENT_NAMES, is_prose) if name not in summaries]
    if not summaries or not documents:
        return None
    document, summary = profiles[documents[0]], profiles[summaries[0]]
    if is_structured(document) or summary.structure.keys:
        return None
    columns: Columns = {"document": document.name, "summary": summaries[0] if len(summaries) == 1 else summaries}
    why = [_line("document", document, named, DOCUMENT_NAMES), _line("summary", summary, named, SUMMARY_NAMES)]
    if len(summaries) > 1:
        why.append(
            Decision("references", listing(summaries), f"{plural(len(summaries), 'summary', 'summaries')} a row")
        )
    sure = _confidence(profiles, document, summary)
    certain = len(named) == 2 and sure > 0.9
    return Recognition(TASK, "", with_split(profiles, given, columns, why), 1.0 if certain else sure, why)


def why_not(profiles: Profiles) -> str:
    """Explain that there is no document or no summary, and say what each column holds."""
    absent = "document" if _summaries(profiles, []) else "summary"
    return f"no column is named like a {absent}: {there_are(profiles)}"


def likely(profiles: Profiles) -> list[Columns]:
    """Of two columns of texts, the shorter may summarize the one that is at least twice as long."""
    texts = [one for one in profiles.values() if is_prose(one) and not is_about(one) and one.distinct > 1]
    summary, document = sorted(texts, key=lambda column: column.mean_chars) if len(texts) == 2 else (None, None)
    if summary is None or document is None or document.mean_chars < 2 * summary.mean_chars or summary.mean_words < 2:
        return []
    return [{"document": document.name, "summary": summary.name}]


def references(values: Mapping[str, Any], column: str | list[str]) -> list[str]:
    """The distinct reference summaries of a row, one or several.

    Test data often has more of them than training data (`summary1` to `summary3` instead of `summary`), so numbered
    columns can replace the plain one, and the plain one can replace numbered ones.

    Args:
        values: Column to value.
        column: The column or columns of the role `summary`.
    """
    names = [name for name in several(column) if name in values]
    if not names:
        stems = [_stem(name) for name in several(column)]
        names = [name for name in values if _stem(name) in stems]
    cells = [structured(values[name]) if str(values[name]).startswith("[") else values[name] for name in names]
    found = [item for cell in cells for item in (cell if isinstance(cell, list | tuple) else [cell])]
    return list(dict.fromkeys(str(item) for item in found if not is_missing(item)))


def _summaries(profiles: Profiles, taken: Sequence[str]) -> list[str]:
    """The column of summaries, or the numbered ones that are references for the same document."""
    found = [name for name in by_name(profiles, SUMMARY_NAMES, _may_be_summary) if name not in taken]
    if not found or not words_of(found[0])[-1].isdigit():
        return found[:1]
    return [name for name in found if _stem(name) == _stem(found[0]) and words_of(name)[-1].isdigit()]


def _may_be_summary(column: ColumnProfile) -> bool:
    return is_prose(column) or column.structure.item == "text"


def _stem(name: str) -> list[str]:
    """The words of a column's name, without a final number."""
    words = words_of(name)
    return words[:-1] if words and words[-1].isdigit() else words


def _confidence(profiles: Profiles, document: ColumnProfile, summary: ColumnProfile) -> float:
    if summary.structure.item != "text" and document.mean_chars < 1.2 * summary.mean_chars:
        return 0.3
    rival = recognise_classification(profiles, given={}, shape=None)
    labels = several(rival.columns.get("label")) if rival is not None and rival.confidence > 0.8 else []
    if any(_OPINIONS & set(words_of(name)) for name in labels):
        return 0.6
    if _stem(summary.name) not in _SURE_SUMMARIES:
        return 0.5
    return 0.95 if is_named(document.name, DOCUMENT_NAMES) else 0.8


def _line(role: str, column: ColumnProfile, named: Columns, names: Sequence[str]) -> Decision:
    how = "as given" if role in named else "by name" if by_name({column.name: column}, names, bool) else "by content"
    return said(role, column, how)
