"""Each check: what it finds, how it says so, and when it is silent."""

import re
from typing import Any

import pytest

from luthier.data import checks
from luthier.data.checks.duplicates import key
from luthier.findings import Finding

FOUND: list[Finding] = []


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1
    FOUND.extend(findings)
    return findings[0]


def keys(texts: list[str]) -> list[str]:
    return [key(text) for text in texts]


def test_every_check_is_listed_by_name_with_its_severities() -> None:
    assert list(checks.CHECKS) == sorted(checks.CHECKS)
    for meaning in checks.CHECKS.values():
        assert re.match(r"(info|warning|error)\b.*: [a-z]", meaning)


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


@pytest.mark.parametrize("labels", [[], ["a", "b"], [1, -1], ["1.5", "15"], [1, True], ["-1", "1"], ["a b", "ab"]])
def test_different_labels_are_not_near_equal(labels: list[Any]) -> None:
    assert checks.near_equal_labels(labels) == []


def test_two_groups_of_near_equal_labels_are_two_findings() -> None:
    assert len(checks.near_equal_labels(["a", "A", "b", "b "])) == 2


def test_missing_like_labels() -> None:
    finding = only(checks.missing_like_labels(["NA", "null", "yes", "NA", 3, None]))
    assert finding.id == "missing-like-labels"
    assert "'NA' (2 rows), 'null' (1 row)" in finding.message
    assert checks.missing_like_labels(["nah", "nullified"]) == []


def test_unseen_labels() -> None:
    others = {"validation": ["a", "b"], "test": ["a", "c", "c", "d"]}
    finding = only(checks.unseen_labels(["a", "b", "a"], others, {"test": [11, 12, 13, 14]}))
    assert (finding.id, finding.severity) == ("unseen-labels", "error")
    assert finding.message == (
        "2 labels of the test rows are in no training row: 'c' (2 rows), 'd' (1 row). Training has 'a', 'b'."
    )
    assert finding.rows == (12, 13, 14)


def test_one_class() -> None:
    finding = only(checks.one_class({"spam": 40, "ham": 0}))
    assert (finding.id, finding.severity) == ("one-class", "error")
    assert "All 40 training rows have the label 'spam'" in finding.message
    assert checks.one_class({"a": 1, "b": 1}) == []
    assert checks.one_class({}) == []


def test_rare_class() -> None:
    finding = only(checks.rare_class({"a": 90, "b": 4, "c": 1, "d": 5}))
    assert (finding.id, finding.severity) == ("rare-class", "warning")
    assert finding.message == "2 of 4 classes have fewer than 5 training rows: 'c' (1 row), 'b' (4 rows)."
    assert checks.rare_class({"a": 5, "b": 5}) == []


def test_label_by_row() -> None:
    finding = only(checks.label_by_row({f"id {i}": 1 for i in range(19)} | {"a": 2}))
    assert (finding.id, finding.severity) == ("label-by-row", "error")
    assert finding.message.startswith('19 of 21 training rows have a label that no other row has, such as "id 0"')
    assert checks.label_by_row({f"id {i}": 1 for i in range(19)}) == []
    assert checks.label_by_row({f"id {i}": 1 for i in range(19)} | {"a": 4}) == []


@pytest.mark.parametrize(("smallest", "severity"), [(101, None), (100, "info"), (21, "info"), (20, "warning")])
def test_imbalance(smallest: int, severity: str | None) -> None:
    findings = checks.imbalance({"a": 1000, "b": 300, "c": smallest})
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    FOUND.extend(findings)


def test_imbalance_says_how_much() -> None:
    assert only(checks.imbalance({"a": 980, "b": 20})).message == (
        "The largest class, 'a', has 980 training rows (98.0 %), the smallest, 'b', 20."
    )


def test_constant_label() -> None:
    finding = only(checks.constant_label({"joy": 3, "awe": 0, "all": 10}, 10))
    assert finding.message == (
        "Labels that cannot be learned: set in no training row: 'awe'; set in all 10 training rows: 'all'."
    )
    assert checks.constant_label({"joy": 3}, 10) == []
    assert checks.constant_label({"joy": 0}, 0) == []


def test_constant_target() -> None:
    assert only(checks.constant_target([2.5, 2.5])).severity == "error"
    assert checks.constant_target([2.5, 2.6]) == []
    assert checks.constant_target([]) == []


TEXTS = ["A film", "a  FILM", "other", "a film", "third", "other"]


def test_duplicates() -> None:
    finding = only(checks.duplicates(keys(TEXTS), TEXTS))
    assert (finding.id, finding.severity) == ("duplicates", "warning")
    assert finding.message == (
        '3 rows of 6 (50.0 %) repeat a text of another row, in 2 groups; the largest has 3 rows: "A film".'
    )
    assert finding.rows == (2, 4, 6)
    assert checks.duplicates(keys(["a", "b"]), ["a", "b"]) == []


def test_a_few_duplicates_are_only_said() -> None:
    texts = [str(row) for row in range(99)] + ["0"]
    assert only(checks.duplicates(keys(texts), texts)).severity == "info"


def test_conflicting_labels() -> None:
    finding = only(checks.conflicting_labels(keys(TEXTS), [0, 1, 2, 0, 1, 2], TEXTS, rows=[10, 20, 30, 40, 50, 60]))
    assert (finding.id, finding.severity) == ("conflicting-labels", "warning")
    assert finding.message == '1 text in 3 rows (50.0 %) has more than one label: "A film" is labelled 0, 1.'
    assert finding.rows == (10, 20, 40)
    assert checks.conflicting_labels(keys(TEXTS), [0, 0, 2, 0, 1, 2], TEXTS) == []


def test_leak() -> None:
    held = ["new", "OTHER", "a film"]
    finding = only(
        checks.leak(keys(TEXTS), {"validation": keys(["x"]), "test": keys(held)}, {"validation": ["x"], "test": held})
    )
    assert (finding.id, finding.severity) == ("leak", "error")
    assert finding.message == '2 test rows of 3 (66.7 %) have a text that training has too: "OTHER".'
    assert finding.rows == (2, 3)
    assert "--allow leak" in finding.action


def test_the_training_file_given_as_validation_is_called_that() -> None:
    finding = only(checks.leak(keys(TEXTS), {"validation": keys(TEXTS)}, {"validation": TEXTS}))
    assert finding.message.startswith("The validation rows are exactly the training rows (6 rows, the same order)")


def test_held_out_overlap() -> None:
    finding = only(checks.held_out_overlap(keys(["a", "b"]), keys(["c", "B "]), ["c", "B "]))
    assert (finding.id, finding.severity, finding.rows) == ("held-out-overlap", "warning", (2,))
    assert checks.held_out_overlap(keys(["a"]), keys(["b"]), ["b"]) == []


def test_a_finding_carries_a_few_dozen_rows_at_most() -> None:
    texts = ["same"] * 500
    assert len(only(checks.duplicates(keys(texts), texts)).rows) == 30


@pytest.mark.parametrize(("cut", "severity"), [(0, None), (1, "info"), (5, "info"), (6, "warning"), (100, "warning")])
def test_truncation(cut: int, severity: str | None) -> None:
    findings = checks.truncation([300] * cut + [20] * (100 - cut), 128)
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    FOUND.extend(findings)


def test_truncation_says_what_is_lost() -> None:
    finding = only(checks.truncation([10, 200, 28], 100, rows=[7, 8, 9]))
    assert finding.message == (
        "1 row of 3 (33.3 %) has more than 100 tokens and is cut; 138 of 238 tokens are kept, the longest row has 200."
    )
    assert finding.rows == (8,)
    assert checks.truncation([], 100) == []


def test_unknown_tokens() -> None:
    finding = only(checks.unknown_tokens([0, 3, 2, 0], [4, 4, 4, 0], ["a", "ⴰⴱ", "c", ""], "[UNK]"))
    assert (finding.id, finding.severity, finding.rows) == ("unknown-tokens", "warning", (2,))
    assert '([UNK]): "ⴰⴱ"' in finding.message
    assert checks.unknown_tokens([2], [4], ["half is not more than half"]) == []


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


def test_short_and_constant_text() -> None:
    assert only(checks.short_text("text", ["a", "", "long enough"], [4, 5, 6])).rows == (4, 5)
    assert checks.short_text("text", ["a", "long enough"]) == []
    assert only(checks.constant_text("text", ["Same", "same "])).severity == "error"
    assert checks.constant_text("text", ["same"]) == []
    assert checks.constant_text("text", ["same", "other"]) == []


def test_empty_column() -> None:
    assert (
        "'title' (text_pair) is empty in 51 of 100 rows looked at (51.0 %)"
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
    findings = checks.few_rows(n, split)
    assert [(finding.id, finding.severity) for finding in findings] == ([found] if found else [])
    FOUND.extend(findings)


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
    findings = checks.skipped_rows(1000, {"missing-label": aside, "empty-text": 0})
    assert [(finding.id, finding.severity) for finding in findings] == ([found] if found else [])
    FOUND.extend(findings)


def test_set_aside_names_the_reasons_most_frequent_first() -> None:
    finding = only(checks.skipped_rows(4076, {"empty-text": 3, "missing-label": 40}))
    assert finding.message == "43 rows of 4,076 (1.1 %) are skipped: missing-label 40, empty-text 3."


def test_findings_of_all_tests_are_whole_sentences_with_an_action() -> None:
    findings = [
        *checks.few_rows(3),
        *checks.one_class({"a": 1}),
        *checks.skipped_rows(10, {"missing-label": 5}),
        *FOUND,
    ]
    for finding in findings:
        assert finding.id in checks.CHECKS
        assert finding.severity in checks.CHECKS[finding.id]
        assert finding.message[0].isupper() or finding.message[0].isdigit() or finding.message[0] == "'"
        assert finding.message.endswith(".")
        assert finding.action.endswith(".")
