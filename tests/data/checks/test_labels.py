"""Checks of labels: what each finds, how it says so, and when it is silent."""

from typing import Any

import pytest

from luthier.data.checks import labels as checks
from tests.data.checks.findings import only, severities, sound


@pytest.mark.parametrize(
    ("labels", "spelled"),
    [
        (["Yes ", "yes", "YES", "yes", "no"], ["'Yes ' (1 row)", "'yes' (2 rows)", "'YES' (1 row)"]),
        ([1, 1.0, "1", 0], ["1 (1 row)", "1.0 (1 row)", "'1' (1 row)"]),
        ([True, "True", "true", False], ["True (1 row)", "'True' (1 row)", "'true' (1 row)"]),
        (["very positive", "very_positive", "very-positive"], ["'very_positive' (1 row)"]),
        (["1", "1.0", "01"], ["'1.0' (1 row)"]),
        (["ﬁne", "fine"], ["'fine' (1 row)"]),
    ],
)
def test_near_equal_labels(labels: list[Any], spelled: list[str]) -> None:
    finding = only(checks.near_equal_labels(labels))
    assert (finding.id, finding.severity) == ("near-equal-labels", "warning")
    assert all(one in finding.message for one in spelled)


@pytest.mark.parametrize("labels", [["good", "good\u200b"], ["good", "good."], ["a", "A ."]])
def test_marks_that_hardly_show_are_near_equal(labels: list[str]) -> None:
    assert only(checks.near_equal_labels(labels)).id == "near-equal-labels"


@pytest.mark.parametrize(
    "labels", [[], ["a", "b"], [1, -1], ["1.5", "15"], [1, True], ["-1", "1"], ["a b", "ab"], [".", ","], ["C", "C+"]]
)
def test_different_labels_are_not_near_equal(labels: list[Any]) -> None:
    assert checks.near_equal_labels(labels) == []


def test_two_groups_of_near_equal_labels_are_two_findings() -> None:
    assert len(sound(checks.near_equal_labels(["a", "A", "b", "b "]))) == 2


def test_missing_like_labels() -> None:
    finding = only(checks.missing_like_labels(["NA", "null", "yes", "NA", 3, None]))
    assert finding.id == "missing-like-labels"
    assert "'NA' (2 rows), 'null' (1 row)" in finding.message
    assert checks.missing_like_labels(["nah", "nullified"]) == []


@pytest.mark.parametrize(
    "label", ["{good,cheap}", "['good']", "[good, cheap]", "[]", "set()", "{'a', 'b'}", "frozenset({'a'})", " ['a'] "]
)
def test_classes_that_are_written_like_lists_stop(label: str) -> None:
    finding = only(checks.list_like_labels([label, "None", label]))
    assert (finding.id, finding.severity) == ("list-like-labels", "error")
    assert f"{label!r} (2 rows)" in finding.message


def test_classes_in_brackets_are_no_lists() -> None:
    assert checks.list_like_labels(["[OTHER]", "{x}", "(a, b)", "(0.0, 10.0]", "a [b, c]", "a, b", ""]) == []


def test_rows_without_any_label_are_counted() -> None:
    finding = only(checks.unlabelled_rows([["a"], [], ["b"], []], [11, 12, 13, 14]))
    assert (finding.severity, finding.rows) == ("info", (12, 14))
    assert finding.message.startswith("2 of 4 training rows have no label")
    assert not checks.unlabelled_rows([["a"]], [1])


def test_labels_of_which_each_row_has_one_may_be_classes() -> None:
    finding = only(checks.exclusive_labels([["a"], ["b"], ["a"]], ["a", "b"]))
    assert finding.message.startswith("Each of the 3 training rows has exactly one of the 2 labels")
    assert not checks.exclusive_labels([["a"], ["a", "b"]], ["a", "b"])
    assert not checks.exclusive_labels([["a"], []], ["a", "b"])
    assert not checks.exclusive_labels([["a"], ["a"]], ["a"])


def test_rows_to_score_without_any_label_are_told() -> None:
    finding = only(checks.none_labelled([[], []], "test"))
    assert (finding.id, finding.severity) == ("unlabelled-rows", "warning")
    assert not checks.none_labelled([[], ["a"]], "test")


def test_unseen_labels() -> None:
    others = {"validation": ["a", "b"], "test": ["a", "c", "c", "d"]}
    finding = only(checks.unseen_labels(["a", "b", "a"], others, {"validation": [1, 2], "test": [11, 12, 13, 14]}))
    assert (finding.id, finding.severity) == ("unseen-labels", "error")
    assert finding.message == (
        "2 labels of the test rows are in no training row: 'c' (2 rows), 'd' (1 row). The training labels are 'a', 'b'."
    )
    assert finding.rows == (12, 13, 14)


def test_each_split_with_an_unseen_label_is_a_finding_of_its_own() -> None:
    others, rows = {"validation": [0, 2], "test": [3, 1, 3]}, {"validation": [1, 2], "test": [1, 2, 3]}
    validation, test = sound(checks.unseen_labels([0, 1], others, rows))
    assert "1 label of the validation rows" in validation.message
    assert "2 (1 row)" in validation.message
    assert (validation.rows, test.rows) == ((2,), (1, 3))


def test_one_class() -> None:
    finding = only(checks.one_class({"spam": 40, "ham": 0}))
    assert (finding.id, finding.severity) == ("one-class", "error")
    assert "All 40 training rows have the label 'spam'" in finding.message
    assert only(checks.one_class({"a": 1})).message.startswith("The only training row has the label 'a'")
    assert checks.one_class({"a": 1, "b": 1}) == []
    assert checks.one_class({}) == []


@pytest.mark.parametrize(
    ("train", "held_out", "found"),
    [
        ("ab", "aa", True),
        ("ab", "ab", False),
        ("ab", "a", False),  # one row can have no other, and `few_rows` says so
        ("ab", "", False),
        ("ab", "cc", False),  # `unseen_labels` says so
        ("aa", "aa", False),  # `one_class` says so
    ],
)
def test_one_class_held_out(train: str, held_out: str, found: bool) -> None:
    findings = checks.one_class_held_out(list(train), {"validation": list("ab"), "test": list(held_out)})
    assert severities(findings) == ["warning"] * found


def test_one_class_held_out_says_which_and_what_to_do() -> None:
    finding = only(checks.one_class_held_out(["good", "bad"], {"validation": ["good"] * 60}))
    assert (finding.id, finding.message, finding.action) == (
        "one-class",
        "The validation scores cover a single class: all 60 validation rows have the label 'good', so always "
        "predicting it scores best.",
        "Use validation rows of every class; without --valid, Luthier splits them off.",
    )


def test_rare_class() -> None:
    finding = only(checks.rare_class({"a": 90, "b": 4, "c": 1, "d": 5}))
    assert (finding.id, finding.severity) == ("rare-class", "warning")
    assert finding.message == "2 of 4 classes have fewer than 5 training rows: 'c' (1 row), 'b' (4 rows)."
    assert checks.rare_class({"a": 5, "b": 5}) == []
    assert checks.rare_class({"a": 1}) == []  # a single class is worse than rare, and `one_class` says so


def test_a_class_without_training_rows_is_rare() -> None:
    message = only(checks.rare_class({"a": 9, "b": 0})).message
    assert message == "1 of 2 classes has fewer than 5 training rows: 'b' (0 rows)."


def test_label_by_row() -> None:
    finding = only(checks.label_by_row({f"id {i}": 1 for i in range(19)} | {"a": 2}))
    assert (finding.id, finding.severity) == ("label-by-row", "error")
    assert finding.message.startswith('19 of 21 training rows have a unique label, such as "id 0"')
    assert checks.label_by_row({f"id {i}": 1 for i in range(19)}) == []
    assert checks.label_by_row({f"id {i}": 1 for i in range(19)} | {"a": 4}) == []


@pytest.mark.parametrize(("smallest", "severity"), [(101, None), (100, "info"), (21, "info"), (20, "warning")])
def test_imbalance(smallest: int, severity: str | None) -> None:
    found = checks.imbalance({"a": 1000, "b": 300, "c": smallest})
    assert severities(found) == ([severity] if severity else [])


def test_imbalance_says_how_much() -> None:
    assert only(checks.imbalance({"a": 980, "b": 20})).message == (
        "The largest class, 'a', has 980 training rows (98.0 %), the smallest, 'b', 20."
    )


def test_the_share_of_a_label_is_of_the_rows_where_they_may_have_several() -> None:
    assert "'a', has 900 training rows (90.0 %)" in only(checks.imbalance({"a": 900, "b": 800, "c": 10}, 1000)).message


def test_a_class_without_training_rows_is_no_imbalance() -> None:
    assert checks.imbalance({"a": 1000, "b": 0}) == []
    assert checks.imbalance({"a": 1000, "b": 500, "c": 0}) == []


def test_constant_label() -> None:
    finding = only(checks.constant_label({"joy": 3, "awe": 0, "all": 10}, 10))
    assert finding.message == (
        "Constant labels cannot be learned: set in no training row: 'awe'; set in all 10 training rows: 'all'."
    )
    assert checks.constant_label({"joy": 3}, 10) == []
    assert checks.constant_label({"joy": 0}, 0) == []
