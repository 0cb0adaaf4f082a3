"""Whether the first row names the columns, and names that are unique."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.reading.header import find_header, name_columns, unique_names


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["text", "label"], ["fine", "pos"], ["awful", "neg"]], True),
        ([["Sentence", "Stars"], ["fine", "5"], ["awful", "1"]], True),
        ([["ID", "Tweet", "anger"], ["a1", "hello there", "0"], ["a2", "well", "1"]], True),
        ([["", "review_text", "x"], ["0", "good", "a"], ["1", "bad", "b"]], True),
        (
            [
                ["befund", "urteil"],
                ["ein recht langer Satz ueber den Befund", "a"],
                ["noch ein recht langer Satz", "b"],
            ],
            True,
        ),
        ([["a fine film", "1"], ["a bad film", "0"]], False),
        ([["a fine film", "positive"], ["a bad film", "negative"], ["another", "positive"]], False),
        ([["what a story", "positive"], ["no", "negative"]], False),
        ([["5.0", "A plane.", "A jet."], ["3,8", "A man.", "A boy."]], False),
        ([["dog", "Hund"], ["cat", "Katze"]], False),
        ([["just one line"]], False),
        ([["text", "label"]], True),
        ([["remark", "verdict", "colour"], ["a good thing", "", ""], ["", "bad", ""], ["", "", "red"]], True),
        ([["befund", "urteil"], ["", "a"], ["", "b"], ["noch ein recht langer Satz", ""], ["", "c"]], True),
        ([["dog", "Hund", "chien"], ["cat", "Katze", "chat"], ["cow", "Kuh", ""]], False),  # one gap
        ([["dog", "dog"], ["cat", ""], ["", "cow"]], False),  # columns do not share a name
    ],
)
def test_header_from_content(rows: list[list[str]], expected: bool) -> None:
    found, why = find_header(rows)
    assert found is expected, why
    assert why


@pytest.mark.parametrize(
    ("rows", "expected", "evidence"),
    [
        ([["1.5", "a"], ["2", "b"]], False, "'1.5'"),  # a number above numbers
        ([["2019", "text"], ["fine", "a"]], True, ""),  # a number above words may be a name
        ([["Wort", "urteil"], ["gut", "urteil"]], False, "'urteil'"),  # a value that comes again
        ([["text", "label"], ["fine", "1"], ["text", "label"]], True, ""),  # joined files repeat their header
        ([["betrag", "wort"], ["12,50", "x"], ["7", "y"]], True, "'betrag'"),  # numbers below a word
        ([["", ""], ["a", "b"]], False, ""),
    ],
)
def test_the_evidence_for_a_header_is_said(rows: list[list[str]], expected: bool, evidence: str) -> None:
    found, why = find_header(rows)
    assert found is expected, why
    assert evidence in why


LONG = ["the bow of this violin is worn", "a fine sound, and a fine case", "it came late and in pieces"] * 3


@pytest.mark.parametrize("first", [["text", "spam"], ["Comment", "toxic"], ["review_text", "positive"], ["body", "x"]])
def test_a_name_of_texts_above_texts_is_a_header_though_a_label_has_its_columns_name(first: list[str]) -> None:
    below = [[text, first[1] if i % 2 else "other"] for i, text in enumerate(LONG)]
    assert find_header([first, *below])[0]
    assert find_header([["text", "price", "quality"], *([text, "", "quality"] for text in LONG)])[0]
    assert not find_header([["a review", first[1]], *below])[0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["text", "a", "b"], ["hello there", "yes", "no"], ["how are you", "no", "no"], ["fine", "yes", "yes"]], True),
        ([["comment", "verb"], ["house", "noun"], ["run", "verb"], ["dictionary", "noun"]], False),  # words
        ([["message", "send"], *([text, "send"] for text in (*LONG, "call", "stop"))], False),  # some texts are words
        ([["review", "Fine, it came in time."], *([text, "Fine."] for text in LONG)], False),  # a text beside it
    ],
)
def test_a_name_of_texts_above_words_may_be_one_of_them(rows: list[list[str]], expected: bool) -> None:
    assert find_header(rows)[0] is expected


def test_rows_that_were_filled_up_are_no_table_with_gaps() -> None:
    rows = [["remark", "verdict", "colour"], ["a good thing", "x", ""], ["a fine one", "y", ""]]
    assert find_header(rows) == (True, "a name above each column of a table with gaps")
    assert find_header(rows, padded=True) == (False, "the first line looks like the others")


def test_columns_without_a_header_are_numbered() -> None:
    assert name_columns(None, 3) == (["column1", "column2", "column3"], [])


def test_names_become_unique_and_are_said() -> None:
    columns, decisions = name_columns([" text ", "", "text", "text_2"], 4)
    assert columns == ["text", "column2", "text_3", "text_2"]
    assert "'' -> 'column2'" in decisions[0].value
    assert unique_names(["a", "a", "a"]) == ["a", "a_2", "a_3"]


def test_names_that_need_no_change_are_not_mentioned() -> None:
    assert name_columns([" text ", "label"], 2) == (["text", "label"], [])


def test_header_with_one_name_fewer() -> None:
    assert name_columns(["text", "label"], 3)[0] == ["column1", "text", "label"]
    assert name_columns(["text", "label"], 3, empty_last=True)[0] == ["text", "label", "column3"]


@given(st.lists(st.sampled_from(["", "a", "a_2", "a_3", "b", "column1", "column2", "column2_2"]), max_size=10))
def test_any_names_become_unique_and_the_first_of_a_kind_stays(names: list[str]) -> None:
    unique = unique_names(names)
    assert len(unique) == len(names)
    assert len(set(unique)) == len(unique)
    assert all(unique)
    for place, name in enumerate(names):
        if name and name not in names[:place]:
            assert unique[place] == name


@pytest.mark.parametrize(
    ("name", "expected", "header"),
    [
        ("Good", (), True),
        ("Good", ("text",), False),
        ("Good", ("text", "Good"), True),
        ("review text", ("body",), True),
    ],
)
def test_of_a_single_column_where_names_are_expected_only_they_and_common_names_are_a_header(
    name: str, expected: tuple[str, ...], header: bool
) -> None:
    rows = [[name], *([f"a much longer text about the strings of violin {i}"] for i in range(6))]
    assert find_header(rows, expected=expected)[0] is header
