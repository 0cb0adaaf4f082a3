"""Prodigy's exports of text classification: `answer` says what the annotator did with the row.

Rows with `options` hold in `accept` what was chosen. Rows with a `label` are a question: `accept` says that the text
has the label, `reject` that it does not. `ignore` says nothing. Rows with spans are read by their task.
Source: https://prodi.gy/docs/api-interfaces
"""

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from luthier.data.reading.formats.annotation.layout import Layout, choice
from luthier.data.records import Fault
from luthier.data.values import is_missing, structured
from luthier.errors import SourceError
from luthier.text import count, listing, plural

TOOL = "Prodigy"
SIGNS = frozenset({"answer"})  # columns of which an export has one
_ANSWERS = frozenset({"accept", "reject", "ignore"})
_BOOKKEEPING = frozenset({"answer", "accept", "options", "config", "label"})


def find(rows: Sequence[Mapping[str, Any]], name: str, known: Sequence[str]) -> Layout | None:
    """The layout if the rows answer questions about texts with `accept`, `reject` and `ignore`, else None.

    Args:
        rows: The first rows.
        name: Name of their source.
        known: Columns of the model that predicts the rows; empty for rows with labels.
    Raises:
        SourceError: Rejected rows say of several labels which one a text does not have.
    """
    answers = [row.get("answer") for row in rows]
    if known or not set(answers) - {None} <= _ANSWERS or 2 * answers.count(None) > len(answers):
        return None
    if any(isinstance(structured(row.get("spans")), list) for row in rows):
        return None
    chosen = [found for row in rows if isinstance(found := structured(row.get("accept")), list)]
    if chosen:
        several = any(len(one) > 1 for one in chosen) or any(map(_is_multiple, rows))
        labels = "labels" if several else "label"
        why = f"`accept` holds the {labels}; rows whose answer is not accept are skipped"
        return Layout(TOOL, why, partial(_choice, several=several))
    names = list(dict.fromkeys(str(row["label"]) for row in rows if not is_missing(row.get("label"))))
    if not names:
        unnamed = "ignore" in answers or any(name.startswith("_") for name in rows[0])
        why = "no row has a label: accept and reject are the classes; ignored rows are skipped"
        return Layout(TOOL, why, _mark) if unnamed else None
    if len(names) == 1:
        label = names[0]
        why = f"accepted rows are {label!r}, rejected ones {_negated(label)!r}; ignored rows are skipped"
        return Layout(TOOL, why, partial(_question, only=label))
    if rejected := answers.count("reject"):
        raise _ambiguous(names, rejected, len(rows), name)
    return Layout(TOOL, "accepted rows have their label; ignored rows are skipped", _accepted)


def _ambiguous(labels: Sequence[str], rejected: int, rows: int, name: str) -> SourceError:
    """The error that of several labels, rejected rows name one that they do not have."""
    what = f"Prodigy asked about one of {len(labels)} labels a row ({listing(labels, 4)}), and {count(rejected)} of "
    what += f"{plural(rows, 'row')} are rejected: they say which label a text does not have, not which one it has"
    kept = "if a text has exactly one label, keep the accepted rows: " + _filter('.answer=="accept"', name)
    each = "if it can have several, train a model for each label: " + _filter(f'.label=="{labels[0]}"', name)
    return SourceError(what, where=name, hint=f"{kept}; {each}")


def _filter(condition: str, name: str) -> str:
    return f"`jq -c {shlex.quote(f'select({condition})')} {shlex.quote(name)} > part.jsonl && luthier train part.jsonl`"


def _is_multiple(row: Mapping[str, Any]) -> bool:
    config = structured(row.get("config"))
    return isinstance(config, dict) and config.get("choice_style") == "multiple"


def _choice(row: Mapping[str, Any], *, several: bool) -> dict[str, Any] | Fault:
    if fault := _unanswered(row, "accept"):
        return fault
    found = structured(row.get("accept"))
    return _rest(row) | {"label": choice(found, several=several) if isinstance(found, list) else None}


def _question(row: Mapping[str, Any], *, only: str) -> dict[str, Any] | Fault:
    if fault := _unanswered(row, "accept", "reject"):
        return fault
    if str(row.get("label")) != only:
        return Fault("bad-label", f"its question is about {row.get('label')!r}, that of the first rows about {only!r}")
    return _rest(row) | {"label": only if row["answer"] == "accept" else _negated(only)}


def _mark(row: Mapping[str, Any]) -> dict[str, Any] | Fault:
    return _unanswered(row, "accept", "reject") or _rest(row) | {"label": row["answer"]}


def _accepted(row: Mapping[str, Any]) -> dict[str, Any] | Fault:
    return _unanswered(row, "accept") or _rest(row) | {"label": row.get("label")}


def _unanswered(row: Mapping[str, Any], *usable: str) -> Fault | None:
    answer = row.get("answer")
    return None if answer in usable else Fault("not-accepted", f"its answer is {answer!r}")


def _negated(label: str) -> str:
    return f"not {label}"


def _rest(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row besides the annotation."""
    return {name: value for name, value in row.items() if name not in _BOOKKEEPING and not name.startswith("_")}
