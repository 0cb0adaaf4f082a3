"""Columns that are found, read and tried out by what a task says of its roles."""

import math
from typing import Any

import pytest

from luthier.data.records import Fault
from luthier.errors import ColumnError
from luthier.tasks.roles import SURE, Role, name_in_query, read_text, recognise_by_roles, why_not_by_roles
from tests.tasks.by_hand import Row, profiles_of

CONTEXT = Role("context", names=("question", "start phrase"))
ENDINGS = Role("endings", "texts", names=("ending", "choice"), sample=("She plays.", "She eats it."))
LABEL = Role("label", "label", names=("answer",), learned=True)
HINT = Role("hint", needed=False)
ROLES = (CONTEXT, ENDINGS, HINT, LABEL)


def row(i: int) -> Row:
    """Its columns are called by the roles' other names, and stand in another order."""
    said = ("she takes the bow", "he tunes a string", "they open the case")[i % 3]
    return {"answer": i % 2, "ending1": f"{said} and plays", "ending0": f"{said} and sings", "startPhrase": said}


TABLE = [row(i) for i in range(12)]


# -- a column for a role ---------------------------------------------------------------------------------------------


def test_a_whole_name_comes_before_a_part_of_one_and_the_roles_own_before_its_others() -> None:
    texts = {"long question": "it is so", "question": "it is so", "the context": "it is so", "context": "it is so"}
    profiles = profiles_of([texts | {"start_phrase": "it is so", "plot": "it is so"}] * 3)
    assert CONTEXT.candidates(profiles) == ["context", "question", "start_phrase", "the context", "long question"]


@pytest.mark.parametrize(
    ("kind", "cell", "fits"),
    [
        ("text", "it is so", True),
        ("text", 12, False),
        ("text", ["it is so"], False),
        ("text", None, False),
        ("texts", "it is so", True),
        ("texts", ["it", "is"], True),
        ("texts", "['it', 'is']", True),
        ("texts", [1, 2], False),
        ("label", 12, True),
        ("label", "B", True),
        ("label", ["a"], True),
        ("label", None, False),
    ],
)
def test_what_a_column_must_hold(kind: Any, cell: Any, fits: bool) -> None:
    assert Role("role", kind).fits(profiles_of([{"role": cell}] * 3)["role"]) is fits


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "columns", "value"),
    [
        (CONTEXT, "said", "it is so"),
        (CONTEXT, "number", "3"),
        (LABEL, "number", 3),
        (LABEL, "zero", 0),
        (ENDINGS, ["said", "number"], ["it is so", "3"]),
        (ENDINGS, "list", ["a", "b"]),
        (ENDINGS, "tuple", ["a", "1"]),
        (ENDINGS, "said", ["it is so"]),
    ],
)
def test_a_value_is_read(role: Role, columns: str | list[str], value: Any) -> None:
    values = {"said": "it is so", "number": 3, "zero": 0, "list": ["a", "b"], "tuple": ("a", 1)}
    assert role.read(values, columns) == value


@pytest.mark.parametrize(
    ("role", "columns", "fault"),
    [
        (CONTEXT, "none", Fault("missing-text", "column 'none' is empty")),
        (CONTEXT, "blank", Fault("empty-text", "column 'blank' is empty")),
        (CONTEXT, "absent", Fault("missing-text", "column 'absent' is not there")),
        (LABEL, "none", Fault("missing-label", "column 'none' is empty")),
        (LABEL, "blank", Fault("missing-label", "column 'blank' is empty")),
        (LABEL, "nan", Fault("missing-label", "column 'nan' is empty")),
        (ENDINGS, ["said", "none"], Fault("missing-text", "column 'none' is empty")),
        (ENDINGS, ["blank", "none"], Fault("empty-text", "column 'blank' is empty")),
        (ENDINGS, "list", Fault("missing-text", "column 'list' is empty")),
    ],
)
def test_a_value_that_is_not_there_is_a_fault_of_its_column(role: Role, columns: str | list[str], fault: Fault) -> None:
    values = {"said": "it is so", "none": None, "blank": " \n", "nan": math.nan, "list": ["a", None]}
    assert role.read(values, columns) == fault


def test_a_role_is_tried_out_on_its_sample_or_on_words_that_say_what_is_wanted() -> None:
    assert CONTEXT.trial() == "one text"
    assert Role("role", sample="She sings.").trial() == "She sings."
    assert ENDINGS.trial() == ["She plays.", "She eats it."]
    assert Role("role", "texts").trial() == ["one text", "another text"]


# -- every role ------------------------------------------------------------------------------------------------------


def test_each_role_gets_its_columns_by_name_and_several_in_the_order_of_the_file() -> None:
    found = recognise_by_roles("choice", ROLES, profiles_of(TABLE), {})
    assert found is not None
    assert (found.task, found.shape, found.confidence) == ("choice", "", SURE)
    assert found.columns == {"context": "startPhrase", "endings": ["ending1", "ending0"], "label": "answer"}
    told = {decision.what: (decision.value, decision.why) for decision in found.why}
    assert told["endings"] == ("columns 'ending1', 'ending0'", "by name")
    assert told["context"] == ("column 'startPhrase'", "4 words on average, by name")


def test_a_column_of_lists_is_several_texts_alone() -> None:
    table = [{"context": "she sits", "endings": ["and plays", "and sings"], "label": i % 2} for i in range(4)]
    found = recognise_by_roles("choice", ROLES, profiles_of(table), {})
    assert found is not None
    assert found.columns == {"context": "context", "endings": "endings", "label": "label"}


def test_what_a_row_need_not_have_is_taken_where_it_is() -> None:
    table = [{**one, "hint": "look at the bow", "split": "train" if i % 2 else "test"} for i, one in enumerate(TABLE)]
    found = recognise_by_roles("choice", ROLES, profiles_of(table), {})
    assert found is not None
    assert (found.columns["hint"], found.columns["split"]) == ("hint", "split")


def test_no_column_plays_two_roles() -> None:
    two = (Role("text"), Role("reply", names=("text reply", "text")))
    assert recognise_by_roles("pairs", two, profiles_of([{"text": "it is so"}] * 3), {}) is None
    found = recognise_by_roles("pairs", two, profiles_of([{"text": "it is so", "text_reply": "no, not so"}] * 3), {})
    assert found is not None
    assert found.columns == {"text": "text", "reply": "text_reply"}


@pytest.mark.parametrize("absent", ["startPhrase", "ending0,ending1", "answer"])
def test_without_a_column_that_a_row_needs_it_is_no_data_of_the_task(absent: str) -> None:
    table = [{name: cell for name, cell in one.items() if name not in absent.split(",")} for one in TABLE]
    assert recognise_by_roles("choice", ROLES, profiles_of(table), {}) is None
    missing = {"startPhrase": "context", "answer": "label"}.get(absent, "endings")
    assert why_not_by_roles(ROLES, profiles_of(table)).startswith(f"no column for {missing}: ")


def test_a_column_that_the_user_names_is_taken_whatever_it_is_called() -> None:
    table = [{"a": one["startPhrase"], "b": one["ending0"], "c": one["ending1"], "d": i} for i, one in enumerate(TABLE)]
    named: dict[str, str | list[str]] = {"context": "a", "endings": ["b", "c"], "label": "d"}
    found = recognise_by_roles("choice", ROLES, profiles_of(table), named)
    assert found is not None
    assert (found.columns, found.confidence) == (named, 1.0)
    assert {decision.why for decision in found.why} == {"as given"}
    short = recognise_by_roles("choice", (CONTEXT, LABEL), profiles_of(table), {"text": "a", "label": "d"})
    assert short is not None
    assert short.columns == {"context": "a", "label": "d"}


def test_one_named_column_leaves_the_others_to_be_found() -> None:
    found = recognise_by_roles("choice", ROLES, profiles_of(TABLE), {"context": "ending0"})
    assert found is not None
    assert found.columns == {"context": "ending0", "endings": "ending1", "label": "answer"}
    assert found.confidence == SURE


def test_columns_named_for_another_task_are_none_of_this_and_a_wrong_name_is_told() -> None:
    assert recognise_by_roles("choice", ROLES, profiles_of(TABLE), {"spans": "answer"}) is None
    with pytest.raises(ColumnError, match="no column 'anwser'") as caught:
        recognise_by_roles("choice", ROLES, profiles_of(TABLE), {"label": "anwser"})
    assert caught.value.hint.startswith("did you mean 'answer'?")


@pytest.mark.parametrize("cell", [{"body": "a text"}, ["a", "text"], ("a",), {}], ids=repr)
def test_a_list_or_an_object_is_no_text(cell: Any) -> None:
    for found in (read_text({"context": cell}, "context"), CONTEXT.read({"context": cell}, "context")):
        assert isinstance(found, Fault)
        assert found.reason == "not-text"
        assert "'context'" in found.detail
    assert isinstance(ENDINGS.read({"ending0": "a text", "ending1": cell}, ["ending0", "ending1"]), Fault)


def test_a_text_is_read_as_it_stands() -> None:
    assert [read_text({"a": cell}, "a") for cell in ("a text", 3, "[1]")] == ["a text", "3", "[1]"]
    for cell, reason in ((None, "missing-text"), (" ", "empty-text"), (math.nan, "empty-text")):
        found = read_text({"a": cell}, "a")
        assert isinstance(found, Fault) and found.reason == reason


def test_a_query_names_its_input_by_column_by_role_or_as_the_text() -> None:
    values = {"text": 1, "prompt": 2, "ask": 3}
    for name in ("ask", "prompt", "text"):
        assert name_in_query(values, {"prompt": "ask"}, "prompt") == name
        del values[name]
    with pytest.raises(ColumnError, match="no column 'ask'"):
        name_in_query(values, {"prompt": "ask"}, "prompt")
