"""Which columns are the label: several flags of one label each, one of them, or none that can be told from others."""

from collections.abc import Sequence
from typing import Any

import pytest

from luthier.tasks.text_classification.columns import recognise_classification
from tests.tasks.by_hand import profiles_of
from tests.tasks.text_classification.test_columns import one_of, prose, table

NAMES = ("toxic", "obscene", "threat")


def flag(place: int, yes: Any, no: Any) -> Any:
    return lambda i: yes if i // (place + 1) % 3 == 0 else no


def flags(yes: Any, no: Any, names: Sequence[str] = NAMES) -> dict[str, Any]:
    return {name: flag(place, yes, no) for place, name in enumerate(names)}


@pytest.mark.parametrize(
    ("yes", "no", "said"),
    [
        ("Y", "N", "3 columns of 'N' and 'Y'"),
        ("yes", "no", "3 columns of 'no' and 'yes'"),
        ("T", "F", "3 columns of 'F' and 'T'"),
        (1, 0, "3 columns of '0' and '1'"),
        ("x", "", "3 columns of 'x', set unless the cell is empty"),
        ("✓", None, "3 columns of '✓', set unless the cell is empty"),
        (1, None, "3 columns of '1', set unless the cell is empty"),
    ],
)
def test_columns_of_flags_are_several_labels(yes: Any, no: Any, said: str) -> None:
    found = recognise_classification(profiles_of(table(comment=prose, **flags(yes, no))), given={}, shape=None)
    assert found is not None
    assert (found.shape, found.columns["labels"], found.unclear) == ("single/several", list(NAMES), "")
    assert [one.why for one in found.why if one.what == "shape"] == [said]


@pytest.mark.parametrize("names", [("label_1", "label_2", "label_3"), ("column2", "column3", "column4")])
def test_numbered_flags_are_several_labels(names: tuple[str, ...]) -> None:
    found = recognise_classification(profiles_of(table(text=prose, **flags(1, 0, names))), given={}, shape=None)
    assert found is not None
    assert (found.columns["labels"], found.unclear) == (list(names), "")


def test_a_column_that_holds_its_own_name_is_a_mark() -> None:
    rows = table(comment=prose, **{name: flag(place, name, None) for place, name in enumerate(NAMES)})
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert found.columns["labels"] == list(NAMES)


@pytest.mark.parametrize(
    "others",
    [
        {"food": one_of("0", "1", "2"), "price": one_of("2", "0", "1", "1")},
        {"joy": one_of(3, 0, 1, 5), "fear": one_of(5, 1, 0, 4, 2)},
        {"annotator_1": one_of("pos", "neg"), "annotator_2": one_of("neg", "pos", "neg")},
        {"toxic": one_of("ja", "nein"), "threat": one_of("nein", "ja", "nein")},
        {"annotator_1": one_of("yes", "no"), "annotator_2": one_of("no", "yes", "no")},
        {"vote1": one_of(0, 1), "vote2": one_of(1, 0, 0), "vote3": one_of(1, 0, 1, 1)},
        {"price": one_of("yes", "no", "maybe"), "quality": one_of("no", "maybe", "yes", "no")},
        {"grammar": one_of("A", "B", "C"), "style": one_of("B", "C", "A", "A"), "content": one_of("C", "A", "B", "C")},
        {"label1": one_of("a", "b"), "label2": one_of("c", "d", "d")},
    ],
    ids=["aspects", "votes", "annotators", "two words", "yes", "0/1", "a name", "a text's name", "numbered"],
)
def test_columns_that_could_each_be_the_label_are_asked_about(others: dict[str, Any]) -> None:
    found = recognise_classification(profiles_of(table(text=prose, **others)), given={}, shape=None)
    assert found is not None
    assert all(repr(name) in found.unclear for name in others)


def test_nothing_is_asked_where_a_name_tells_or_the_columns_are_the_same_classes() -> None:
    for columns in (
        {"label": one_of("a", "b"), "place": one_of("c", "d", "d")},
        {"wear": one_of("none", "much"), "code": one_of(0, 1)},
        {"label": one_of("yes", "no"), "urgent": one_of("no", "yes", "yes")},
        {"gold_label": one_of("a", "b"), "label1": one_of("a", "b", "b"), "label2": one_of("b", "a", "b")},
        {"is_test": one_of(0, 1), "label": one_of("a", "b", "b")},
        {"sentiment": one_of("a", "b", "b"), "is_reply": one_of(0, 1)},
        {"spam": one_of("a", "b", "b"), "train": one_of(0, 1), "is_valid": one_of(1, 0, 0)},
    ):
        found = recognise_classification(profiles_of(table(text=prose, **columns)), given={}, shape=None)
        assert found is not None
        assert (found.shape, found.unclear) == ("single/one", "")
        assert found.columns["label"] in ("label", "code", "gold_label", "sentiment", "spam")


def test_flags_of_a_split_are_no_labels() -> None:
    rows = table(text=prose, **flags(1, 0), is_train=one_of(1, 0, 1), odd=one_of(None))
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert found.columns["labels"] == list(NAMES)
    assert [one.value for one in found.why if one.what == "not used"] == ["'is_train'", "'odd'"]
