"""Labels that are joined in a cell, and names of classes that only look like it."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.columns.joined import Joined, joined_in
from luthier.data.values import split_labels

LABELS = ["price", "quality", "delivery", "support"]
MARKS = [
    "|",
    ";",
    ",",
    "#",
    "/",
    "+",
    "&",
    "::",
    ":",
    "~",
    "^",
    " & ",
    " / ",
    ", ",
    "\u3001",
    "\n",
    "\t",
    " ",
    "_",
    "-",
]


def found_in(values: list[str]) -> Joined | None:
    return joined_in(Counter(values))


def told(values: list[str]) -> tuple[str, bool] | None:
    found = found_in(values * 5)
    return (found.separator, found.sure) if found else None


@settings(max_examples=60)
@given(st.sampled_from(MARKS), st.booleans(), st.integers(0, 9))
def test_any_mark_separates_labels(mark: str, ordered: bool, seed: int) -> None:
    rng = random.Random(seed)
    rows = [rng.sample(LABELS, rng.randint(1, 3)) for _ in range(120)]
    values = [mark.join(sorted(row) if ordered else row) for row in rows]
    found = found_in(values)
    assert found is not None and found.sure
    assert found.parts == Counter(label for row in rows for label in row)
    assert [sorted(split_labels(value, found.separator)) for value in values] == [sorted(row) for row in rows]


@pytest.mark.parametrize(
    ("values", "separator"),
    [
        (["a|b", "b|c", "a", "c|a"], "|"),
        (["a;b", "b; c", "a", "c;a"], ";"),
        (["a|b|", "b|", "a|"], "|"),
        (["0,2", "1", "0,1,2", "1,2"], ","),  # numbered labels
        (["0 2", "1", "0 1 2", "1 2", "0", "2"], " "),
        (["#a #b", "#b", "#a", "#c #a", "#b #c"], " "),
        (["late delivery & price", "price", "price & staff", "staff", "staff & late delivery"], "&"),
        (['["a", "b"]', "[]", '["b"]'], "[]"),
        (["['a', 'b']", "['b', 'c']", "['c']"], "[]"),
    ],
)
def test_joined_labels(values: list[str], separator: str) -> None:
    assert told(values) == (separator, True)


@pytest.mark.parametrize(
    "values",
    [
        ["3,8", "2,5", "4", "1,25"],  # decimal commas
        ["1", "1.5", "2", "2,5", "3", "3,5"],
        ["1", "2", "3", "4", "5", "0,5", "1,5", "2,5", "3,5", "4,5"],
        ["3,8", "2,5", "4,1", "1,2"] * 9 + ["k.A."],
        ["New York, NY", "Boston, MA", "Austin, TX"],
        ["Toys, Games & Crafts", "Food, Drink & Tobacco", "Sports, Outdoors"],
        ["yes", "no", "n/a"],
        ["yes", "no"],
        ["['a']", "b", "c", "b"],  # a list here and there
        ["World", "Sports", "Sci/Tech"],
        ["Home & Kitchen", "Home & Garden", "Kitchen & Dining", "Garden & Outdoor", "Toys"],
        ["good", "very good", "bad", "very bad", "neutral"],
        ["mostly-true", "half-true", "true", "false", "barely-true", "pants-fire"],
        ["entailment", "not_entailment"],
        ["set_alarm", "cancel_alarm", "set_timer", "cancel_timer"],
        ["Sports", "Sports > Football", "Sports > Tennis", "News", "News > World"],
        ["B-PER", "I-PER", "B-LOC", "I-LOC", "O"],
        ["C", "C++", "C#", "F#"],
        ["1/5", "2/5", "3/5", "4/5", "5/5"],
        ["0-10", "10-20", "20-30", "30+"],
        ["weak positive", "strong positive", "weak negative", "strong negative"],
        ["\U0001f600", "\U0001f621"],
    ],
)
def test_names_of_classes(values: list[str]) -> None:
    assert told(values) is None


@pytest.mark.parametrize(
    ("values", "separator"),
    [
        (["male", "female", "male/female"], "/"),
        (["Yes, never", "No, never", "Yes, maybe", "No, maybe"], ","),
        (["de/fr", "fr/de", "en/de", "fr/en"], "/"),
    ],
)
def test_either(values: list[str], separator: str) -> None:
    assert told(values) == (separator, False)


def test_short_texts_of_few_words_are_texts() -> None:
    rng = random.Random(0)
    words = ["red", "blue", "car", "house", "old", "new", "tall"]
    assert found_in([" ".join(rng.sample(words, rng.randint(1, 5))) for _ in range(60)]) is None


def test_joined_labels_are_counted_one_by_one() -> None:
    found = found_in(["a|b", "b| c", "a", "c|a"] * 5)
    assert found is not None and found.parts == {"a": 15, "b": 10, "c": 10}


def test_ids_joined_by_commas_are_told_from_numbers_with_a_decimal_comma() -> None:
    ids = [f"{i % 7},{i % 7 + 1 + i % 3}" if i % 3 else str(i % 7) for i in range(60)]
    found = found_in(ids)
    assert found is not None and found.separator == ","
    assert found_in([*ids, "none"]) is not None
    assert found_in([f"{i % 6},{i * 7 % 10}" for i in range(60)]) is None
    assert found_in([f"{i % 6},0{i % 6 + 1}" for i in range(60)]) is None


def test_sets_of_python_are_lists() -> None:
    found = joined_in(Counter({"{'good', 'cheap'}": 3, "{'cheap', 'good'}": 2, "{'bad'}": 4, "{}": 0}))
    assert found is None, "an empty dict among sets"
    found = joined_in(Counter({"{'good', 'cheap'}": 3, "{'cheap', 'good'}": 2, "{'bad'}": 4}))
    assert found is not None and found.separator == "[]"
    assert found.parts == Counter({"good": 5, "cheap": 5, "bad": 4})
