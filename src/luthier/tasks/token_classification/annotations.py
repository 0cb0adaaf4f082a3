"""Spans as annotation tools export them (Prodigy, doccano, Label Studio), or as lists in spaCy's format."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from luthier.data.columns.profile import ColumnProfile
from luthier.data.reading.formats.annotation.label_studio import accepted
from luthier.data.records import Fault, all_sound
from luthier.data.values import is_missing, structured
from luthier.tasks.roles import read_text
from luthier.text import shorten

STARTS = ("start", "start_offset", "start_char", "begin")
ENDS = ("end", "end_offset", "end_char", "stop")
LABELS = ("label", "labels", "entity_group", "entity", "type", "tag")
_DISCARDED = ("reject", "ignore")  # Prodigy's other answer is `accept`


class Span(TypedDict):
    """A labelled span of a text, in characters; `end` is exclusive."""

    start: int
    end: int
    label: str


def is_spans(column: ColumnProfile) -> bool:
    """Whether a column holds spans: [start, end, label] lists, objects with these keys, or Label Studio results."""
    structure = column.structure
    if structure.item != "object":
        return structure.item == "span"
    if all(structure.keys & set(names) for names in (STARTS, ENDS, LABELS)):
        return True
    return "result" in structure.keys and {"value", "labels"} <= structure.inner


def read_spans(values: Mapping[str, Any], columns: Mapping[str, str | list[str]]) -> tuple[str, list[Span]] | Fault:
    """The text of a row and its spans in order, or why the row is skipped.

    A row that the annotator rejected or skipped (`answer` in Prodigy, `was_cancelled` in Label Studio) is
    `not-accepted`; a row without annotation is `missing-label`; an annotated row without spans is a text without
    entities. Of several annotations of a text, the one that Label Studio marks as
    `ground_truth` counts; without one, they must agree.

    Args:
        values: Column to value.
        columns: The columns of the roles `text` and `spans`.
    """
    if (answer := values.get("answer")) in _DISCARDED:
        return Fault("not-accepted", f"its answer is {answer!r}")
    text = read_annotated(values, str(columns["text"]))
    if isinstance(text, Fault):
        return text
    found = structured(values.get(str(columns["spans"])))
    if found is None and answer == "accept":
        found = []  # Prodigy omits the key if nothing is marked
    if is_missing(found) or (found == [] and isinstance(structured(values[str(columns["text"])]), dict)):
        return Fault.empty("missing-label", values, columns["spans"])
    if not isinstance(found, list | tuple):
        return Fault("invalid-span", f"{shorten(str(found), 60)} instead of a list of spans")
    if any(isinstance(one, dict) and "result" in one for one in found):
        best = accepted([one for one in found if isinstance(one, dict)])
        if isinstance(best, Fault):
            return best
        found = [one["value"] for one in best.get("result") or () if isinstance(one, dict) and _is_labels(one)]
    spans = all_sound(_span(one, text) for one in found)
    if isinstance(spans, Fault):
        return spans
    return text, sorted(spans, key=lambda span: (span["start"], span["end"]))


def read_annotated(values: Mapping[str, Any], column: str) -> str | Fault:
    """The text that is annotated, or why there is none. Label Studio stores it in an object, under `text` or as the
    only string."""
    cell = structured(values.get(column))
    if isinstance(cell, dict):
        texts = [value for value in cell.values() if isinstance(value, str)]
        values = {column: cell.get("text", texts[0] if len(texts) == 1 else None)}
    return read_text(values, column)


def _is_labels(result: Mapping[str, Any]) -> bool:
    """Whether a result of Label Studio is a span, rather than a choice or a rating for the whole text."""
    value = result.get("value")
    return isinstance(value, dict) and result.get("type", "labels") in ("labels", "hypertextlabels")


def _span(found: Any, text: str) -> Span | Fault:
    """One span in any of the formats, with its offsets unchanged, or why it is invalid."""
    if isinstance(found, Mapping):
        start, end, label = (_first(found, names) for names in (STARTS, ENDS, LABELS))
    elif isinstance(found, Sequence) and not isinstance(found, str) and len(found) == 3:
        start, end, label = found
    else:
        return Fault("invalid-span", f"{shorten(str(found), 60)} is not a span")
    if isinstance(label, list):
        if len(label) > 1:
            return Fault("several-labels", f"the span {start}-{end} has the labels {', '.join(map(str, label))}")
        label = label[0] if label else None
    begin, stop = _place(start), _place(end)
    if begin is None or stop is None or is_missing(label):
        return Fault("invalid-span", f"{shorten(str(found), 60)} has no start, end and label")
    covered = found.get("text") if isinstance(found, Mapping) else None
    if isinstance(covered, str) and covered.strip() != text[begin:stop].strip():
        detail = (
            f"the span {begin}-{stop} says {shorten(covered, 40)!r}, the text has {shorten(text[begin:stop], 40)!r}"
        )
        return Fault("span-text-differs", detail)
    return Span(start=begin, end=stop, label=str(label))


def _first(found: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)


def _place(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():  # pandas turns integers into floats
        value = int(value)
    return value if type(value) is int and value >= 0 else None
