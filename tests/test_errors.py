"""Errors: what a person reads, what a script reads, and the suggestion for a mistyped name."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier import errors
from luthier.errors import LuthierError, closest, nearest

KINDS: dict[type[LuthierError], tuple[str, int]] = {  # its code and its exit code
    errors.LuthierError: ("luthier", 1),
    errors.UsageError: ("usage", 2),
    errors.RecipeError: ("recipe", 2),
    errors.ModelError: ("model", 2),
    errors.RunError: ("run", 2),
    errors.FingerprintError: ("fingerprint", 2),
    errors.DataError: ("data", 3),
    errors.SourceError: ("source", 3),
    errors.ColumnError: ("column", 3),
    errors.FindingError: ("finding", 3),
    errors.DamagedError: ("damaged", 3),
    errors.NonFiniteError: ("non-finite", 3),
    errors.ResourceError: ("resource", 4),
    errors.InterruptedRun: ("interrupted-run", 5),
}
NAMES = st.lists(st.text(string.ascii_lowercase, min_size=1), min_size=1, unique=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_script_reads_the_code_the_exit_code_and_the_parts(kind: type[LuthierError]) -> None:
    code, exit_code = KINDS[kind]
    assert kind("no column 'lable'", where="a.csv", hint="did you mean 'label'?").to_dict() == {
        "code": code,
        "exit": exit_code,
        "message": "no column 'lable'",
        "where": "a.csv",
        "hint": "did you mean 'label'?",
    }


def test_every_error_is_in_the_table() -> None:
    found = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LuthierError)}
    assert found == set(KINDS)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (LuthierError("it broke"), "it broke"),
        (LuthierError("it broke", where="row 3"), "it broke\nwhere: row 3"),
        (LuthierError("it broke", hint="mend it"), "it broke\nhint: mend it"),
        (LuthierError("it broke", where="row 3", hint="mend it"), "it broke\nwhere: row 3\nhint: mend it"),
    ],
)
def test_a_person_reads_only_the_parts_that_there_are(error: LuthierError, shown: str) -> None:
    assert str(error) == shown


@pytest.mark.parametrize(
    ("name", "known", "suggestion"),
    [
        ("lable", ["text", "label"], "did you mean 'label'?"),
        ("LABLE", ["text", "Label"], "did you mean 'Label'?"),
        ("stars", ["text", "label"], "choose one of text, label"),
        ("stars", (name for name in ("text", "label")), "choose one of text, label"),
        ("stars", [], ""),
    ],
)
def test_a_mistyped_name_is_answered_with_the_nearest_one_or_with_all(
    name: str, known: list[str], suggestion: str
) -> None:
    assert nearest(name, known) == suggestion


@given(NAMES, st.data())
def test_a_name_in_the_wrong_case_is_the_nearest(names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names))
    assert closest(name.upper(), names) == name


@given(st.text(), NAMES)
def test_only_a_known_name_is_suggested(name: str, names: list[str]) -> None:
    assert closest(name, names) in {None, *names}
