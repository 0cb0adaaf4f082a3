"""The columns of new rows: those of training, those that were named, those that are certain, and no guess."""

from typing import Any

import pytest

from luthier.console import Console
from luthier.data.records import Record
from luthier.errors import ColumnError, UsageError
from luthier.pipeline.inference.inputs import has_inputs, with_inputs
from luthier.tasks.phases import Recognised
from luthier.tasks.registry import find
from tests.conftest import review

COLUMNS: dict[str, dict[str, Any]] = {
    "single/one": {"text": "review", "label": "label"},
    "pair/one": {"text": "premise", "text_pair": "hypothesis", "label": "label"},
    "answerable": {"question": "question", "context": "context", "answers": "answers"},
}
KINDS = {"answerable": "question-answering"}


def task(shape: str) -> Any:
    return Recognised(find(KINDS.get(shape, "text-classification")), shape, COLUMNS[shape], {})


def rows(*columns: str, n: int = 30) -> list[Record]:
    """Rows of different texts; a column called `stars` holds labels, and `id` numbers."""
    made: dict[str, Any] = {"stars": lambda i: ("good", "bad")[i % 2], "id": lambda i: i + 100}
    return [
        Record("new.csv", i, {name: made.get(name, lambda i, at=at: review("good", i + 50 * at))(i)
                              for at, name in enumerate(columns)})
        for i in range(1, n + 1)
    ]  # fmt: skip


def found(shape: str, *columns: str, **given: str) -> dict[str, Any]:
    seen = with_inputs(
        task(shape), rows(*columns), given, Console(), where="new.csv", again="luthier predict r --file n"
    )
    return {role: seen.columns[role] for role in seen.asked()}


@pytest.mark.parametrize(
    ("shape", "columns", "there"),
    [
        ("single/one", ["id", "review"], True),
        ("single/one", ["id", "text"], True),  # the name of the role
        ("single/one", ["body"], True),  # a single column is the text
        ("single/one", ["id", "body"], False),
        ("pair/one", ["premise", "hypothesis"], True),
        ("pair/one", ["text", "text_pair"], True),  # the names of the roles
        ("pair/one", ["premise"], False),
    ],
)
def test_columns_of_training_or_of_the_roles_need_no_recognition(shape: str, columns: list[str], there: bool) -> None:
    assert has_inputs(task(shape), columns) is there


@pytest.mark.parametrize(
    ("shape", "columns", "expected"),
    [
        ("single/one", ["id", "body"], {"text": "body"}),  # the only text
        ("single/one", ["id", "body", "stars"], {"text": "body"}),
        ("single/one", ["remark", "text"], {"text": "text"}),  # by name
        ("pair/one", ["sentence1", "sentence2", "stars"], {"text": "sentence1", "text_pair": "sentence2"}),
        ("answerable", ["the_question", "question", "context"], {"question": "question", "context": "context"}),
    ],
)
def test_what_is_certain_is_taken(shape: str, columns: list[str], expected: dict[str, str]) -> None:
    assert found(shape, *columns) == expected


@pytest.mark.parametrize(
    ("shape", "columns", "hint"),
    [
        (
            "single/one",
            ["head", "my body"],
            "choose one: luthier predict r --file n --text head or luthier predict r --file n --text 'my body';"
            " columns: head, my body",
        ),
        ("pair/one", ["one", "other"], "name the columns with --text A,B; columns: one, other"),
        ("single/one", ["id"], "name the column with --text; columns: id"),
    ],
)
def test_what_is_not_is_asked(shape: str, columns: list[str], hint: str) -> None:
    with pytest.raises(ColumnError, match="which the model was trained on") as caught:
        found(shape, *columns)
    assert caught.value.hint == hint


def test_columns_that_were_named() -> None:
    assert found("single/one", "head", "body", text="body") == {"text": "body"}
    assert found("pair/one", "one", "other", text="other", text_pair="one") == {"text": "other", "text_pair": "one"}
    assert found("answerable", "a", "b", question="b", context="a") == {"question": "b", "context": "a"}
    with pytest.raises(UsageError, match="the model takes 1 input: text"):
        found("single/one", "one", "other", text="one", text_pair="other")
    with pytest.raises(ColumnError, match="no column 'bod'"):
        found("single/one", "one", "body", text="bod")
