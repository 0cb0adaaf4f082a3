"""A trace as an object: its values by name."""

import json

import pytest

from tests.reporting.terminal.test_trace import made


def test_values_by_the_name_of_their_stage() -> None:
    found = made(5)
    assert found.stage("layer 1").shape == (1, 5, 4)
    assert list(found.logits) == ["logits"]
    assert found.answer["prediction"] == "good"
    with pytest.raises(KeyError):
        found.stage("layer 2")


def test_what_is_printed_as_json() -> None:
    found = json.loads(json.dumps(made(5).to_dict()))
    assert (found["logits"], found["answer"]["prediction"]) == ([[1.0, -1.0]], "good")
    assert [stage["name"] for stage in found["stages"]][:2] == ["input_ids", "attention_mask"]
    assert found["model"]["parts"][1]["parameters"] == 100
