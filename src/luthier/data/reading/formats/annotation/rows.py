"""Rows of annotation tools that are no flat objects with spans, as such objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from luthier.findings import Decision

_SPACY = {"entities", "spans", "cats"}


def as_row(value: Any) -> Any:
    """A JSON value as the object of a row; unchanged if it is not in one of the formats."""
    if isinstance(value, dict):
        return value if not is_dataturks(value) else _from_dataturks(value)
    return {"text": value[0], **value[1]} if is_spacy(value) else value


def said(values: Sequence[Any]) -> list[Decision]:
    """The decisions about the rows of a sample, before `as_row`."""
    if any(map(is_spacy, values)):
        return [Decision("rows", "spaCy's examples", "lists of a text and its annotations")]
    if any(map(is_dataturks, values)):
        return [
            Decision("rows", "DataTurks", "the end of a point is its last character; the texts of the points decide")
        ]
    return []


def is_spacy(value: Any) -> bool:
    """Whether a value is an example of spaCy: `["Ada sang.", {"entities": [[0, 3, "PER"]]}]`."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    text, annotations = value
    return isinstance(text, str) and isinstance(annotations, dict) and bool(annotations.keys() & _SPACY)


def is_dataturks(value: Any) -> bool:
    """Whether a value is a row of DataTurks: `{"content": ..., "annotation": [{"label": [...], "points": [...]}]}`."""
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        return False
    found = value.get("annotation")
    return isinstance(found, list) and bool(found) and all(map(_has_points, found))


def _has_points(one: Any) -> bool:
    points = one.get("points") if isinstance(one, dict) else None
    whole = isinstance(points, list) and all(
        isinstance(point, dict) and {"start", "end"} <= point.keys() for point in points
    )
    return whole and "label" in one


def _from_dataturks(value: Mapping[str, Any]) -> dict[str, Any]:
    spans = [_span(point, one["label"], value["content"]) for one in value["annotation"] for point in one["points"]]
    return {**value, "annotation": spans}


def _span(point: Mapping[str, Any], label: Any, text: str) -> dict[str, Any]:
    """A span with an exclusive end. DataTurks has the last character's place, unless the text says otherwise."""
    start, end, covered = point["start"], point["end"], point.get("text")
    if type(start) is int and type(end) is int and not (isinstance(covered, str) and covered == text[start:end]):
        end += 1
    return {"start": start, "end": end, "label": label, "text": covered}
