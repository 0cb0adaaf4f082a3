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


ABOUT = one_of("the battery", "the screen", "the price of it")


@pytest.mark.parametrize(
    ("columns", "texts", "label"),
    [
        (
            {"ID": lambda i: i, "Target": ABOUT, "Tweet": prose, "Stance": one_of("FAVOR", "AGAINST", "NONE")},
            2,
            "Stance",
        ),
        ({"sentence": prose, "target": ABOUT, "polarity": one_of("pos", "neg", "neg")}, 2, "polarity"),
        ({"Sentence": prose, "Aspect Term": ABOUT, "sentiment": one_of("pos", "neg", "neg")}, 2, "sentiment"),
        ({"text": prose, "target": one_of("a", "b", "b")}, 1, "target"),
        ({"text": prose, "target": one_of("a", "b", "b"), "score": one_of(1, 2, 3)}, 1, "target"),
        ({"question": one_of("who?", "why not?", "how?"), "reply": prose, "y": one_of(0, 1, 1)}, 2, "y"),
    ],
)
def test_what_an_opinion_is_about_is_no_label(columns: dict[str, Any], texts: int, label: str) -> None:
    found = recognise_classification(profiles_of(table(**columns)), given={}, shape=None)
    assert found is not None
    assert found.columns["label"] == label
    assert len([role for role in found.columns if role.startswith("text")]) == texts


def test_a_score_is_asked_about_beside_a_label_that_no_name_tells() -> None:
    rows = table(essay=prose, essay_set=one_of(1, 2, 3), domain1_score=lambda i: i % 11)
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert "'essay_set', 'domain1_score' could each be the label" in found.unclear
    rows = table(essay=prose, mood=one_of("a", "b", "b"), confidence_score=lambda i: i % 11)
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert (found.columns["label"], found.unclear) == ("mood", "")


def test_what_is_the_same_in_all_rows_is_a_label_only_by_its_whole_name() -> None:
    for name, fits in (("label", True), ("task_type", False)):
        found = recognise_classification(profiles_of(table(text=prose, **{name: one_of("ner")})), given={}, shape=None)
        assert (found is not None) == fits


def test_labels_of_several_tasks_are_asked_about() -> None:
    rows = table(text=prose, label_sexist=one_of("yes", "no"), label_category=one_of("none", "threats", "derogation"))
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert "'label_sexist', 'label_category' could each be the label" in found.unclear


def test_choices_beside_what_they_belong_to_are_asked_about() -> None:
    rows = table(premise=prose, choice1=prose, choice2=prose, question=one_of("cause", "effect"), label=one_of(0, 1))
    found = recognise_classification(profiles_of(rows), given={}, shape=None)
    assert found is not None
    assert "answer 'premise'" in found.unclear
