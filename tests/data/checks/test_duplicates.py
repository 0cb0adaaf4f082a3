"""Content keys, and the checks that follow from rows with the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.checks import duplicates as checks
from luthier.data.checks.duplicates import groups, key, leaked, normalise
from tests.data.checks.findings import only, sound

TEXTS = ["A film", "a  FILM", "other", "a film", "third", "other"]


def keys(texts: list[str]) -> list[str]:
    return [key(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" A\tFilm \n", "a film"),
        ("Straße №\u00a01", "strasse no 1"),
        ("\u212b\u0130", "\u00e5i\u0307"),  # the sign of the angstrom is an A with a ring
        ("a\u200bb", "a\u200bb"),  # a zero-width space is no whitespace
        ("", ""),
    ],
)
def test_a_text_is_normalised_to_what_a_reader_sees(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A  film\n", "a film"),
        ("Straße", "STRASSE"),
        ("ﬁne", "fine"),  # ligature
        ("e\u0301t\u00e9", "\u00e9te\u0301"),  # composed and not
        ("\uff11\uff12", "12"),  # full width
        ("a\u00a0b", "a b"),
    ],
)
def test_texts_that_look_alike_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)
    assert key(one, "x") == key(other, "X ")


def test_keys_tell_texts_and_pairs_apart() -> None:
    texts: list[tuple[str, ...]] = [
        *(("a b",), ("a", "b"), ("b", "a"), ("a", ""), ("a",), ("a\x1fb",), ("",), ("", "")),
        *(("a", "b", ""), ("a", "b", "c")),
    ]
    found = {key(*some) for some in texts}
    assert len(found) == len(texts) - 1  # "a\x1fb" is "a b": the separator counts as whitespace
    assert all(len(one) == 32 for one in found)
    assert key("\ud800") != key("\ud801")  # lone surrogates are no reason to stop


@given(st.text())
def test_a_normalised_text_has_the_key_of_the_text(text: str) -> None:
    assert key(normalise(text)) == key(text)


def test_groups_are_of_two_rows_or_more() -> None:
    assert groups(["a", "b", "a", "c", "b", "a"]) == {"a": [0, 2, 5], "b": [1, 4]}


def test_duplicates() -> None:
    finding = only(checks.duplicates(keys(TEXTS), TEXTS, range(1, 7)))
    assert (finding.id, finding.severity) == ("duplicates", "warning")
    assert finding.message == (
        '3 of 6 rows (50.0 %) repeat the text of another row, in 2 groups; the largest has 3 rows: "A film".'
    )
    assert finding.rows == (2, 4, 6)
    assert checks.duplicates(keys(["a", "b"]), ["a", "b"], [1, 2]) == []


def test_a_few_duplicates_are_only_said() -> None:
    texts = [str(row) for row in range(99)] + ["0"]
    assert only(checks.duplicates(keys(texts), texts, range(len(texts)))).severity == "info"


def test_a_finding_carries_a_few_dozen_rows_at_most() -> None:
    texts = ["same"] * 500
    assert len(only(checks.duplicates(keys(texts), texts, range(len(texts)))).rows) == 30


def test_conflicting_labels() -> None:
    finding = only(checks.conflicting_labels(keys(TEXTS), [0, 1, 2, 0, 1, 2], TEXTS, rows=[10, 20, 30, 40, 50, 60]))
    assert (finding.id, finding.severity) == ("conflicting-labels", "warning")
    assert finding.message == '1 text in 3 rows (50.0 %) has conflicting labels: "A film" is labelled 0, 1.'
    assert finding.rows == (10, 20, 40)
    assert checks.conflicting_labels(keys(TEXTS), [0, 0, 2, 0, 1, 2], TEXTS, range(6)) == []


def test_leak() -> None:
    held = ["new", "OTHER", "a film"]
    given, texts = {"validation": keys(["x"]), "test": keys(held)}, {"validation": ["x"], "test": held}
    finding = only(checks.leak(keys(TEXTS), given, texts, {"validation": [1], "test": [1, 2, 3]}))
    assert (finding.id, finding.severity) == ("leak", "error")
    assert finding.message == '2 of 3 test rows (66.7 %) have a text that is also in the training rows: "OTHER".'
    assert finding.rows == (2, 3)
    assert "--allow leak" in finding.action


def test_the_training_file_given_as_validation_is_called_that() -> None:
    same = {"validation": keys(TEXTS)}
    finding = only(checks.leak(keys(TEXTS), same, {"validation": TEXTS}, {"validation": range(6)}))
    assert finding.message.startswith("The validation rows are exactly the training rows (6 rows, the same order)")


@pytest.mark.parametrize(("shared", "severity"), [(2, "warning"), (100, "warning"), (101, "error")])
def test_a_leak_of_up_to_half_of_the_rows_is_left_out_of_the_score(shared: int, severity: str) -> None:
    held = TEXTS[2:3] * shared + [f"new {row}" for row in range(200 - shared)]
    finding = only(checks.leak(keys(TEXTS), {"test": keys(held)}, {"test": held}, {"test": range(200)}))
    assert finding.severity == severity
    assert ("leaves these rows out" in finding.message) is (severity == "warning")
    assert ("--allow" in finding.action) is (severity == "error")


def test_each_split_that_leaks_is_a_finding_with_its_own_row_numbers() -> None:
    held = {"validation": ["other", "b"], "test": ["c", "third"]}
    found = sound(
        checks.leak(
            keys(TEXTS),
            {split: keys(texts) for split, texts in held.items()},
            held,
            {"validation": [7, 8], "test": [21, 22]},
        )
    )
    assert [finding.rows for finding in found] == [(7,), (22,)]


def test_leaked_rows_are_told_by_their_position() -> None:
    assert leaked(["a", "b"], ["c", "b", "a", "b"]) == [1, 2, 3]
    assert leaked([], ["a"]) == []


def test_held_out_overlap() -> None:
    finding = only(checks.held_out_overlap(keys(["a", "b"]), keys(["c", "B "]), ["c", "B "], [1, 2]))
    assert (finding.id, finding.severity, finding.rows) == ("held-out-overlap", "warning", (2,))
    assert checks.held_out_overlap(keys(["a"]), keys(["b"]), ["b"], [1]) == []
