"""What a profile says about a column, and what its values and its name tell: an id, a split, joined labels."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luthier.data.columns.profile import (
    MOST_VALUES,
    SAMPLE,
    ColumnProfile,
    is_id,
    is_split,
    is_unnamed,
    profile,
    require,
    words_of,
)
from luthier.data.records import Record
from luthier.data.splits import SPLIT_OF
from luthier.errors import ColumnError

VALUE = st.one_of(
    st.none(), st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.lists(st.integers(0, 3))
)


def column(values: list[Any], name: str = "a") -> ColumnProfile:
    return profile([Record("x", row, {name: value}) for row, value in enumerate(values, 1)])[name]


def test_a_profile_counts_what_is_there() -> None:
    found = column(["1", "2.0", " ", None, float("nan"), "NA", "null", "1"])
    assert found.n == 8
    assert found.missing_share == 3 / 8  # NA and null are words
    assert found.distinct == 4
    assert found.values == {"1": 2, "2.0": 1, "NA": 1, "null": 1}
    assert found.numeric_share == found.integer_share == 3 / 5
    assert found.flag_share == 2 / 5
    assert (found.low, found.high) == (1, 2)
    assert found.examples == ("1", "2.0", "NA")
    assert (found.commonest, found.commonest_share) == ("1", 2 / 5)


def test_words_and_characters_are_means_over_the_values_that_are_present() -> None:
    found = column(["two words", "", "one", None, "and 3 here"])
    assert found.mean_words == 2
    assert found.mean_chars == (9 + 3 + 10) / 3
    assert found.letter_share == (8 + 3 + 7) / 22


def test_letters_of_every_script_are_letters() -> None:
    assert column(["好看", "плохо"]).letter_share == 1
    assert column(["1,5", "-"]).letter_share == 0


def test_numbers_have_a_range_where_most_values_are_numbers() -> None:
    half, most = column(["1", "x", "-3.5", "y"]), column(["1", "x", "-3.5"])
    assert (half.low, half.high) == (None, None)
    assert (most.low, most.high) == (-3.5, 1)


def test_a_column_without_a_value_has_shares_of_zero() -> None:
    found = column([None, " "])
    assert (found.missing_share, found.distinct, found.distinct_share, found.numeric_share) == (1, 0, 0, 0)
    assert (found.low, found.commonest, found.examples, found.values) == (None, "", (), {})


def test_values_are_kept_where_they_are_few() -> None:
    assert column([str(n) for n in range(MOST_VALUES)]).values is not None
    assert column([str(n) for n in range(MOST_VALUES + 1)]).values is None


def test_labels_in_lists_are_counted_one_by_one() -> None:
    found = column([["joy", "awe"], ["joy"], []])
    assert (found.list_share, found.separator, found.parts) == (1, None, {"joy": 2, "awe": 1})


def test_lists_of_more_than_labels_have_no_parts() -> None:
    assert column([[{"from": "human"}], [{"from": "bot"}]]).parts is None


def test_a_profile_samples_large_tables_throughout() -> None:
    records = [Record("x", row, {"label": "a" if row < 20_000 else "b"}) for row in range(40_000)]
    found = profile(records)["label"]
    assert found.n == SAMPLE
    assert found.values is not None
    assert 0.45 < found.values["a"] / SAMPLE < 0.55
    assert profile(records) == profile(records)


def test_rows_may_lack_columns() -> None:
    columns = profile([Record("x", 1, {"a": "1"}), Record("x", 2, {"b": "2"})])
    assert [(name, one.missing_share) for name, one in columns.items()] == [("a", 0.5), ("b", 0.5)]


def test_a_table_without_rows_has_no_columns() -> None:
    assert profile([]) == {}


def test_a_profile_sees_through_what_is_written() -> None:
    plain = {"text": "[Chorus] la la", "none": ""}
    rows = [{"tags": "['O' 'B-PER']"} | plain, {"tags": "['B-PER']"} | plain] * 15
    columns = profile([Record("x", row, values) for row, values in enumerate(rows, 1)])
    assert columns["tags"].structure.written
    assert columns["tags"].structure.item == "text"
    assert columns["tags"].parts == {"O": 15, "B-PER": 30}
    assert columns["text"].structure.lengths == columns["none"].structure.lengths == ()
    assert (columns["text"].commonest, columns["text"].commonest_share) == ("[Chorus] la la", 1.0)
    assert columns["none"].commonest == ""


@given(st.lists(st.dictionaries(st.sampled_from(["text", "label", "a", "column1"]), VALUE), max_size=30))
@settings(max_examples=60)
def test_any_table_is_profiled(rows: list[dict[str, Any]]) -> None:
    profiles = profile([Record("x", row, values) for row, values in enumerate(rows, 1)])
    assert set(profiles) == {name for values in rows for name in values}
    for one in profiles.values():
        shares = [one.missing_share, one.distinct_share, one.numeric_share, one.flag_share, one.list_share]
        assert all(0 <= share <= 1 for share in shares)


def test_a_missing_column_is_answered_with_all_or_the_nearest() -> None:
    require(["a", "b"], ["a", "b", "c"])
    with pytest.raises(ColumnError) as caught:
        require(["qqq"], ["a", "b"])
    assert caught.value.hint == "choose one of the columns a, b"
    with pytest.raises(ColumnError) as caught:
        require(["text", "lable"], ["text", "label"], where="--label")
    assert (caught.value.what, caught.value.where) == ("no column 'lable'", "--label")
    assert caught.value.hint == "did you mean 'label'? columns: text, label"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("#1 String", ["1", "string"]),
        ("reviewText2", ["review", "text", "2"]),
        ("pairID", ["pair", "id"]),
        ("gold_label", ["gold", "label"]),
        ("Überschrift", ["überschrift"]),
        ("", []),
    ],
)
def test_words_of_a_name(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize("name", ["column2", "Col_7", "f1", "v 2", "3", " x12 "])
def test_a_letter_and_a_number_are_no_name(name: str) -> None:
    assert is_unnamed(name)


@pytest.mark.parametrize("name", ["", "x", "text", "text2", "column", "1a", "sentence1"])
def test_a_word_is_a_name(name: str) -> None:
    assert not is_unnamed(name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("pairID", ["a", "a", "b"]),  # by its name, whatever it holds
        ("Unnamed: 0", [0, 1, 2]),
        ("n", [str(row) for row in range(200)]),
        ("hash", [f"{7919 * row:08x}" for row in range(1, 200)]),
    ],
)
def test_ids_are_told_by_their_name_or_because_every_value_is_a_code(name: str, values: list[Any]) -> None:
    assert is_id(column(values, name))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("noun", ["film", "plot", "scene"] * 60),
        ("set", ["dev", "test"] * 60),
        ("Unnamed: 2", ["and so on", "", ""]),
        ("n", [str(row) for row in range(9)]),  # too few to tell
        ("n", [str(row % 150) for row in range(200)]),  # they repeat
        ("score", [f"0.{row:03}" for row in range(1, 200)]),  # measurements differ too
        ("name", [f"Ada{'bcdefghijk'[row]}" for row in range(10)]),
        ("text", [f"sentence number {row}" for row in range(50)]),
        ("labels", [[row] for row in range(50)]),
    ],
)
def test_labels_texts_and_measurements_are_no_ids(name: str, values: list[Any]) -> None:
    assert not is_id(column(values, name))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("set", ["dev", "test"]),
        ("SemEval_subset", ["TRAIN ", "Test"]),
        ("split", ["validation"]),
        ("split", ["TRAIN", "TRIAL", "heldout", "held-out"]),
        ("part", list(SPLIT_OF)),
        ("part", ["train", "test"]),  # any name where training is among the values
    ],
)
def test_a_column_of_split_names_says_which_split_a_row_belongs_to(name: str, values: list[str]) -> None:
    assert is_split(column(values, name))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("grade", ["test", "x"]),
        ("grade", ["dev", "test"]),  # without training it may be anything
        ("grade", ["train"]),
        ("fold", ["0", "1"]),
        ("split", [None, None]),
        ("split", [f"train{row}" for row in range(MOST_VALUES + 1)]),
    ],
)
def test_other_values_name_no_split(name: str, values: list[Any]) -> None:
    assert not is_split(column(values, name))


def test_objects_and_flags_are_not_joined_labels() -> None:
    assert column(["{'a': 1, 'b': 0}", "{'a': 0, 'b': 1}", "{'a': 1, 'b': 1}"] * 9).separator is None
    assert column(["0 1 0", "1 1 0", "0 0 1", "1 0 1"] * 9).separator is None


def test_a_written_list_is_never_a_label_as_it_is_written() -> None:
    found = column(["['good']", "['bad']"] * 10)
    assert (found.separator, found.parts) == ("[]", {"good": 10, "bad": 10})


def test_one_empty_item_does_not_hide_the_labels_of_a_list() -> None:
    assert column([["a", None], ["b"]] * 10).parts == {"a": 10, "b": 10}


def test_the_fields_of_objects_have_profiles() -> None:
    found = column([{"name": "good", "id": i} for i in range(9)] + [None])
    assert list(found.fields) == ["a.id", "a.name"]
    assert found.fields["a.name"].values == {"good": 9}
    assert found.fields["a.id"].missing_share == pytest.approx(0.1)
    assert column(["x"]).fields == {}
