"""Label Studio's exports of text classification: choices and ratings, in the full JSON export and in the short ones.

The full export holds a task's texts in `data`, and lists of results in `annotations`. The short JSON and the CSV have a
column for each question; a single choice is a text, several are {"choices": [...]}. Spans are read by their task.
Source: https://labelstud.io/guide/export
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from luthier.data.reading.formats.annotation.layout import Layout, choice
from luthier.data.records import Fault
from luthier.data.values import is_missing, structured
from luthier.text import listing

TOOL = "Label Studio"
SIGNS = frozenset({"data", "annotation_id", "lead_time"})  # columns of which an export has one
_KINDS = frozenset({"choices", "rating", "number"})  # types of results about the whole text


def find(rows: Sequence[Mapping[str, Any]], name: str, known: Sequence[str]) -> Layout | None:
    """The layout if the rows are tasks with choices or ratings for whole texts, else None.

    Args:
        rows: The first rows.
        name: Name of their source.
        known: Columns of the model that predicts the rows; empty for rows with labels.
    """
    tasks = [data for row in rows if isinstance(data := structured(row.get("data")), dict)]
    if len(tasks) < len(rows):
        return _short(rows)
    if known:
        texts = all(data.keys() & set(known) for data in tasks)
        return Layout(TOOL, "the texts are in `data`", partial(_task, several={})) if texts else None
    found = [one for row in rows for annotation in _annotations(row) for one in _results(annotation)]
    if not found or not {one.get("type") for one in found} <= _KINDS:
        return None
    several: dict[str, bool] = {}
    for one in found:
        question = str(one.get("from_name"))
        several[question] = several.get(question, False) or len(_values(one)) > 1
    why = f"the texts are in `data`, the annotations answer {listing(list(several), 6)}"
    why += "; cancelled ones are skipped, and tasks on which annotators disagree"
    return Layout(TOOL, why, partial(_task, several=several))


def _task(row: Mapping[str, Any], *, several: Mapping[str, bool]) -> dict[str, Any] | Fault:
    data = structured(row.get("data"))
    if not isinstance(data, dict):
        return Fault("missing-text", "the task has no data")
    annotations = _annotations(row)
    best = accepted(annotations) if annotations else {}
    if isinstance(best, Fault):
        if several:
            return best
        best = {}
    answers: dict[str, list[Any]] = {}
    for one in _results(best):
        answers.setdefault(str(one.get("from_name")), []).extend(_values(one))
    labels = {name: choice(answers.get(name, []), several=many) if best else None for name, many in several.items()}
    return {"id": row.get("id"), **{str(name): value for name, value in data.items()}, **labels}


def accepted(annotations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | Fault:
    """The annotation of a task that counts: what all annotators say, or the one that is marked as the truth.

    Args:
        annotations: Those of one task, as in the full export.
    Returns:
        Why none counts, if all were cancelled, or if the annotators disagree.
    """
    done = [one for one in annotations if not one.get("was_cancelled")]
    if not done:
        return Fault("not-accepted", "its annotation was cancelled")
    true = [one for one in done if one.get("ground_truth")]
    said = {_said(one) for one in true or done}
    if len(said) > 1:
        return Fault("annotators-disagree", f"its {len(true or done)} annotations differ: mark one as ground truth")
    return (true or done)[0]


def _said(annotation: Mapping[str, Any]) -> str:
    """What an annotation says, whatever the ids and the order of its results."""
    found = [[one.get("from_name"), one.get("value")] for one in _results(annotation)]
    return "\n".join(sorted(json.dumps(one, sort_keys=True) for one in found))


def _annotations(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = structured(row.get("annotations", row.get("completions")))
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _results(annotation: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = annotation.get("result")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _values(result: Mapping[str, Any]) -> list[Any]:
    value = result.get("value")
    given = value.get(str(result.get("type"))) if isinstance(value, dict) else None
    return list(given) if isinstance(given, list) else [given] if given is not None else []


def _short(rows: Sequence[Mapping[str, Any]]) -> Layout | None:
    columns = dict.fromkeys(name for row in rows for name, cell in row.items() if _choices(cell) is not None)
    if not columns:
        return None
    why = f"several choices in {listing([repr(name) for name in columns], 6)}"
    return Layout(TOOL, why, partial(_as_lists, columns=tuple(columns)))


def _as_lists(row: Mapping[str, Any], *, columns: Sequence[str]) -> dict[str, Any]:
    found = {}
    for name in columns:
        cell = row.get(name)
        choices = _choices(cell)
        found[name] = choices if choices is not None else None if is_missing(cell) else [cell]
    return {**row, **found}


def _choices(cell: Any) -> list[Any] | None:
    """The choices in a cell {"choices": [...]}, which may be written as text; None for another cell."""
    if isinstance(cell, str) and not cell.startswith("{"):
        return None
    found = structured(cell)
    choices = found.get("choices") if isinstance(found, dict) and len(found) == 1 else None
    return choices if isinstance(choices, list) else None
