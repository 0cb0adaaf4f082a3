"""Spans from annotation tools, exactly as these export them."""

from typing import Any

import pytest

from luthier.data.columns.profile import profile
from luthier.data.records import Fault, Record
from luthier.tasks.token_classification.annotations import is_spans, read_spans

TEXT = "Ada met Bob in Rome"
PER, LOC = {"start": 8, "end": 11, "label": "PER"}, {"start": 15, "end": 19, "label": "LOC"}


def studio(*values: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"id": 1, "result": [{"value": value, "type": "labels", "from_name": "label"} for value in values], **more}]


LABELLED = [{"start": 8, "end": 11, "text": "Bob", "labels": ["PER"]}, {"start": 15, "end": 19, "labels": ["LOC"]}]
FORMS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "prodigy": (
        {"text": TEXT, "spans": [LOC | {"token_start": 4}, PER], "tokens": [], "answer": "accept"},
        {"text": "text", "spans": "spans"},
    ),
    "doccano label": ({"text": TEXT, "label": [[8, 11, "PER"], [15, 19, "LOC"]]}, {"text": "text", "spans": "label"}),
    "doccano entities": (
        {
            "text": TEXT,
            "entities": [
                {"id": 1, "label": "PER", "start_offset": 8, "end_offset": 11},
                {"id": 2, "label": "LOC", "start_offset": 15, "end_offset": 19},
            ],
        },
        {"text": "text", "spans": "entities"},
    ),
    "spacy": ({"text": TEXT, "entities": [(8, 11, "PER"), (15, 19, "LOC")]}, {"text": "text", "spans": "entities"}),
    "label studio": (
        {"data": {"text": TEXT}, "annotations": studio(*LABELLED)},
        {"text": "data", "spans": "annotations"},
    ),
    "label studio, other name": (
        {"data": {"review": TEXT, "n": 3}, "annotations": studio(*LABELLED)},
        {"text": "data", "spans": "annotations"},
    ),
    "label studio, json-min": ({"id": 7, "text": TEXT, "label": LABELLED}, {"text": "text", "spans": "label"}),
    "label studio, csv": ({"text": TEXT, "label": str(LABELLED)}, {"text": "text", "spans": "label"}),
    "floats of pandas": (
        {"text": TEXT, "spans": [{"start": 8.0, "end": 11.0, "label": "PER"}, LOC]},
        {"text": "text", "spans": "spans"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_tool(form: str) -> None:
    values, columns = FORMS[form]
    assert read_spans(values, columns) == (TEXT, [PER, LOC])
    column = columns["spans"]
    assert is_spans(profile([Record("x", 1, values)])[column])


PRODIGY = {"text": "text", "spans": "spans"}
STUDIO = {"text": "data", "spans": "annotations"}
CHOICE = [{"result": [{"value": {"choices": ["x"]}, "type": "choices"}]}]


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        ({"text": TEXT, "spans": []}, PRODIGY),
        ({"text": TEXT, "spans": "[]"}, PRODIGY),
        ({"text": TEXT, "answer": "accept"}, PRODIGY),
        ({"data": {"text": TEXT}, "annotations": studio()}, STUDIO),
        (
            {"data": {"text": TEXT}, "annotations": [{"result": [{"value": {"choices": ["x"]}, "type": "choices"}]}]},
            STUDIO,
        ),
    ],
)
def test_texts_without_entities(values: dict[str, Any], columns: dict[str, str]) -> None:
    assert read_spans(values, columns) == (TEXT, [])


def test_the_annotation_that_counts() -> None:
    cancelled, second = studio(LABELLED[0], was_cancelled=True), studio(LABELLED[1])
    assert read_spans({"data": {"text": TEXT}, "annotations": cancelled + second}, STUDIO) == (TEXT, [LOC])
    truth = studio(LABELLED[0], ground_truth=True)
    assert read_spans({"data": {"text": TEXT}, "annotations": second + truth}, STUDIO) == (TEXT, [PER])
    assert read_spans({"data": {"text": TEXT}, "annotations": second * 2}, STUDIO) == (TEXT, [LOC])
    apart = read_spans({"data": {"text": TEXT}, "annotations": second + studio(LABELLED[0])}, STUDIO)
    assert isinstance(apart, Fault) and apart.reason == "annotators-disagree"


@pytest.mark.parametrize(
    ("values", "columns", "reason"),
    [
        ({"text": TEXT, "spans": [PER], "answer": "reject"}, PRODIGY, "not-accepted"),
        ({"text": TEXT, "spans": [PER], "answer": "ignore"}, PRODIGY, "not-accepted"),
        ({"text": TEXT}, PRODIGY, "missing-label"),
        ({"data": {"text": TEXT}, "annotations": []}, STUDIO, "missing-label"),
        ({"data": {"text": TEXT}, "annotations": studio(was_cancelled=True)}, STUDIO, "not-accepted"),
        ({"spans": [PER]}, PRODIGY, "missing-text"),
        ({"text": " ", "spans": [PER]}, PRODIGY, "empty-text"),
        ({"text": TEXT, "spans": "PER"}, PRODIGY, "invalid-span"),
        ({"text": TEXT, "spans": [{"start": "/p[1]", "end": 3, "label": "PER"}]}, PRODIGY, "invalid-span"),
        ({"text": TEXT, "spans": [{"start": 0, "end": 3}]}, PRODIGY, "invalid-span"),
        ({"text": TEXT, "spans": [{"start": -1, "end": 3, "label": "PER"}]}, PRODIGY, "invalid-span"),
        ({"text": TEXT, "spans": [{"start": float("nan"), "end": 3, "label": "PER"}]}, PRODIGY, "invalid-span"),
        ({"text": TEXT, "spans": ["Bob"]}, PRODIGY, "invalid-span"),
        ({"text": TEXT, "spans": [{"start": 0, "end": 3, "labels": ["PER", "ORG"]}]}, PRODIGY, "several-labels"),
        ({"text": TEXT, "spans": [PER | {"text": "Rob"}]}, PRODIGY, "span-text-differs"),
    ],
)
def test_what_is_skipped(values: dict[str, Any], columns: dict[str, str], reason: str) -> None:
    fault = read_spans(values, columns)
    assert isinstance(fault, Fault)
    assert fault.reason == reason
    assert fault.detail
    assert fault.of(Record("x", 3, values)).row == 3


@pytest.mark.parametrize(
    "values", [CHOICE, [{"text": "a", "answer_start": 3}], ["a", "b"], [[1, 2]], "text", {"text": "a"}]
)
def test_other_columns_hold_no_spans(values: Any) -> None:
    assert not is_spans(profile([Record("x", 1, {"a": values})])["a"])
