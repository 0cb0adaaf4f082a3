"""Names for labels that the data writes as codes."""

from collections.abc import Mapping

import pytest

from luthier.errors import RecipeError
from luthier.tasks.label_names import named, require_found


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({}, ["0", "1"]),
        ({"0": "bad", "1": "good"}, ["bad", "good"]),
        ({"0": "bad"}, ["bad", "1"]),
        ({"0": "bad", "1": "good", "2": "other"}, ["bad", "good"]),
    ],
)
def test_names_of_labels_that_occur_are_taken(names: Mapping[str, str], labels: list[str]) -> None:
    require_found(names, labels)


def test_a_code_that_does_not_occur_beside_a_label_without_a_name_is_refused() -> None:
    with pytest.raises(RecipeError, match="no training row has the label 'O', which label_names calls 'bad'") as caught:
        require_found({"O": "bad", "1": "good"}, ["0", "good"])
    assert caught.value.where == "data.label_names" and caught.value.hint == "1 label without a name: 0"


@pytest.mark.parametrize(
    ("names", "labels", "value", "why"),
    [
        ({"0": "bad", "1": "good"}, ["bad", "good"], "0 = bad, 1 = good", "as given"),
        ({"0": "bad", "7": "odd"}, ["bad"], "0 = bad", "no training row has 7 (odd)"),
        ({"0": "bad"}, ["bad", "1"], "0 = bad", "without a name: 1"),
        ({"0": "O"}, None, "0 = O", "as given"),
    ],
)
def test_what_was_named_is_said(names: dict[str, str], labels: list[str] | None, value: str, why: str) -> None:
    (decision,) = named(names, labels)
    assert (decision.what, decision.value, decision.why) == ("label names", value, why)
    assert named({}, labels) == []
