"""Checks of texts and of rows as a whole: what each finds, how it says so, and when it is silent."""

import pytest

from luthier.data.checks import texts as checks
from luthier.data.checks.texts import looks_like_id
from luthier.data.records import Skipped
from tests.data.checks.findings import named, only, severities


@pytest.mark.parametrize(("cut", "severity"), [(0, None), (1, "info"), (5, "info"), (6, "warning"), (100, "warning")])
def test_truncation(cut: int, severity: str | None) -> None:
    found = checks.truncation([300] * cut + [20] * (100 - cut), 128, range(100), "train")
    assert severities(found) == ([severity] if severity else [])


def test_truncation_says_what_is_lost() -> None:
    finding = only(checks.truncation([10, 200, 28], 100, [7, 8, 9], "train"))
    assert "1 of 3 training rows (33.3 %) has more than 100 tokens" in finding.message
    assert "138 of 238 tokens are kept" in finding.message
    assert "the longest has 200" in finding.message
    assert finding.rows == (8,)
    assert checks.truncation([], 100, [], "train") == []


def test_truncated_targets_and_the_rows_of_held_out_splits_are_told_apart() -> None:
    finding = only(checks.truncation([10, 200], 100, [1, 2], "test"))
    assert finding.message.startswith("1 of 2 test rows (50.0 %) has more")
    finding = only(checks.truncation([10, 200, 300], 100, [1, 2, 3], "validation", targets=True))
    assert finding.id == "truncated-targets"
    assert finding.message == (
        "2 of 3 validation rows (66.7 %) have a target of more than 100 tokens, which is truncated; "
        "210 of 510 tokens are kept; the longest has 300."
    )
    assert "--set max_target_length=" in finding.action


@pytest.mark.parametrize(
    "texts",
    [
        ["12", "3.5", "1,000"],
        ["B0012", "B0013", "B0014"],
        ["4708c6ce3e19", "dbab559e2405"],
        ["http://a.b/c", "https://d.e"],
    ],
)
def test_id_as_text(texts: list[str]) -> None:
    finding = only(checks.id_as_text("ref", texts))
    assert (finding.id, finding.severity) == ("id-as-text", "warning")
    assert "'ref'" in finding.message
    assert texts[0] in finding.message


@pytest.mark.parametrize(
    "texts", [[], ["12"], ["Anna", "Ben"], ["a film", "two films"], ["电影2好看", "电影3"], ["7b", "7b", "7b"]]
)
def test_text_is_no_id(texts: list[str]) -> None:
    assert checks.id_as_text("text", texts) == []


@pytest.mark.parametrize("code", ["B00123X", " 42 ", "3f2a-77", "https://example.org/a", "v1.0"])
def test_a_code_looks_like_an_id(code: str) -> None:
    assert looks_like_id(code)


@pytest.mark.parametrize("text", ["", " ", "film", "film 2", "电影2", "e-mail", "well..."])
def test_a_word_and_a_sentence_do_not_look_like_an_id(text: str) -> None:
    assert not looks_like_id(text)


def test_short_and_constant_text() -> None:
    assert only(checks.short_text("text", ["a", "", "long enough"], [4, 5, 6])).rows == (4, 5)
    finding = only(checks.short_text("text", ["a"], [1]))
    assert finding.message.startswith("1 of 1 row has fewer than two characters in the ")
    assert checks.short_text("text", ["a", "long enough"], [1, 2]) == []
    assert only(checks.constant_text("text", ["Same", "same "])).severity == "error"
    assert checks.constant_text("text", ["same"]) == []
    assert checks.constant_text("text", ["same", "other"]) == []


def test_no_rows_are_neither_short_nor_constant() -> None:
    assert checks.short_text("text", [], []) == checks.constant_text("text", []) == []


def test_empty_texts() -> None:
    finding = only(checks.empty_texts("title", ["a", "", "b", "c"], [3, 7, 8, 9]))
    assert (finding.id, finding.severity, finding.rows) == ("empty-texts", "info", (7,))
    assert finding.message == (
        "1 of 4 rows (25.0 %) has an empty text in the column 'title' and is kept: only rows without either text are "
        "skipped."
    )
    assert checks.empty_texts("title", ["a", "b"], [1, 2]) == []


def test_empty_column() -> None:
    assert (
        "'title' (text_pair) is empty in 51 of 100 rows checked (51.0 %)"
        in only(checks.empty_column("title", "text_pair", 51, 100)).message
    )
    assert checks.empty_column("title", "text_pair", 50, 100) == []


@pytest.mark.parametrize(
    ("n", "split", "found"),
    [
        (0, "train", ("few-rows", "warning")),
        (1, "train", ("few-rows", "warning")),
        (49, "train", ("few-rows", "warning")),
        (50, "train", None),
        (29, "test", ("few-rows", "warning")),
        (30, "validation", None),
    ],
)
def test_few_rows(n: int, split: str, found: tuple[str, str] | None) -> None:
    assert named(checks.few_rows(n, split)) == ([found] if found else [])


def test_few_rows_are_counted_in_the_message() -> None:
    assert only(checks.few_rows(1)).message.startswith("There is only 1 training row;")
    assert only(checks.few_rows(3)).message.startswith("There are only 3 training rows;")
    assert only(checks.few_rows(1, "validation")).message.startswith("The validation split has 1 row:")


@pytest.mark.parametrize(
    ("aside", "found"),
    [
        (0, None),
        (10, ("skipped-rows", "info")),
        (11, ("skipped-rows", "warning")),
        (499, ("skipped-rows", "warning")),
        (500, ("mostly-skipped", "error")),  # exactly half is too much
        (1000, ("mostly-skipped", "error")),
    ],
)
def test_skipped(aside: int, found: tuple[str, str] | None) -> None:
    assert named(checks.skipped_rows(1000, {"missing-label": aside, "empty-text": 0})) == ([found] if found else [])


def test_set_aside_names_the_reasons_most_frequent_first() -> None:
    finding = only(checks.skipped_rows(4076, {"empty-text": 3, "missing-label": 40}))
    assert finding.message == "43 of 4,076 rows (1.1 %) are skipped: missing-label 40, empty-text 3."
    rows = [Skipped("a.csv", 2, "empty-text", "no text"), Skipped("a.csv", 7, "missing-label", "column 'x' is empty")]
    finding = only(checks.skipped_rows(4076, {"empty-text": 3, "missing-label": 40}, rows))
    assert finding.message.endswith("missing-label 40, empty-text 3; row 7: column 'x' is empty.")
