"""A task in its three phases: what each adds, that none changes, and that it comes back from what is written."""

import json
from dataclasses import FrozenInstanceError
from typing import Any
from unittest.mock import Mock

import pytest
from datasets import Dataset
from transformers import BertConfig

from luthier.console import Console
from luthier.data.records import Record, Skipped
from luthier.data.tokenized import Limits
from luthier.recipe import GenerationRecipe, Recipe
from luthier.tasks.base import Task
from luthier.tasks.generation.writes import Writing
from luthier.tasks.phases import Bound, Fitted, Nothing, Recognised
from luthier.tasks.registry import limits_in, restore
from luthier.tasks.summarization.task import Summarization
from luthier.tasks.text_classification.kinds import SeveralLabels
from luthier.tasks.text_classification.task import TextClassification
from tests.tasks.by_hand import profiles_of
from tests.tasks.smallest import COLUMNS, ROW, fitted, recognised

JOINED = [{"text": f"a film {i}", "labels": "joy|fear" if i % 2 else "fear"} for i in range(20)]


def writing(prefix: str = "", **settings: object) -> Bound[Writing]:
    """A task with settings of its own."""
    columns: dict[str, str | list[str]] = {"document": "text", "summary": "summary"}
    learned = Writing(GenerationRecipe.model_validate(settings), seed=7, prefix=prefix)
    return Bound(Summarization(), "", columns, {}, learned, Mock(), None)


# -- recognised ------------------------------------------------------------------------------------------------------


def test_an_example_says_where_its_row_stands_and_so_does_one_that_is_skipped() -> None:
    task = recognised()
    found = task.example(Record("rows.csv", 3, ROW))
    assert found == {"source": "rows.csv", "row": 3, "claim": "the film is long", "reply": "it is", "stance": "1"}
    skipped = task.example(Record("rows.csv", 4, ROW | {"answer": None}))
    assert skipped == Skipped("rows.csv", 4, "missing-text", "column 'answer' is empty")


def test_on_another_table_the_columns_tell_their_details_anew() -> None:
    kind, table = TextClassification(), profiles_of(JOINED)
    columns: dict[str, str | list[str]] = {"text": "text", "labels": "labels"}
    task = Recognised(kind, "single/several", columns, kind.details("single/several", columns, table))
    other = [{"text": row["text"], "moods": row["labels"].replace("|", ";")} for row in JOINED]
    moved = task.reading({"text": "text", "labels": "moods"}, profiles_of(other))
    assert (task.details, moved.details) == ({"separator": "|"}, {"separator": ";"})
    assert task.columns["labels"] == "labels"
    (first, second) = (one.example(Record("rows", 2, row[1])) for one, row in ((task, JOINED), (moved, other)))
    assert first == second == {"source": "rows", "row": 2, "text": "a film 1", "label": ["joy", "fear"]}


LABELLED: dict[str, tuple[str, list[Any], list[Any], list[list[str]]]] = {  # shape, cells, other cells, their labels
    "joined": ("single/several", ["joy|fear", "fear"] * 10, ["joy|fear", "joy", "awe"], [["joy", "fear"], ["joy"]]),
    "flags": ("single/several", ["1", "10", "11", "110", "101", "100"] * 5, ["1", "10"] * 2, [["2"], ["1"]]),
    "lists": ("single/several", [["joy", "fear"], ["fear"]] * 10, ["['joy', 'fear']", "['joy']"], [["joy", "fear"]]),
    "classes": ("single/one", ["a", "b"] * 10, ["0101", "1010", "0011", "1100", "0110", "b"], [["0101"]]),
}


@pytest.mark.parametrize("case", LABELLED)
@pytest.mark.parametrize("text", ["text", "body"])
def test_cells_of_the_same_column_are_read_as_in_training(case: str, text: str) -> None:
    """A few rows do not show how labels are written."""
    shape, cells, others, labels = LABELLED[case]
    kind, role = TextClassification(), "labels" if shape.endswith("several") else "label"
    columns: dict[str, str | list[str]] = {"text": "text", role: "y"}
    trained = profiles_of([{"text": f"a film {i}", "y": cell} for i, cell in enumerate(cells)])
    task = Recognised(kind, shape, columns, kind.details(shape, columns, trained))
    rows = [{text: f"a film {i}", "y": cell} for i, cell in enumerate(others)]
    other = task.reading({**columns, "text": text}, profiles_of(rows))
    found = [other.example(Record("rows", 1, row)) for row in rows]
    read = [one["label"] for one in found if isinstance(one, dict)]
    assert len(read) == len(rows)
    assert read[: len(labels)] == ([one[0] for one in labels] if role == "label" else labels)


def test_of_a_column_of_another_name_what_its_rows_do_not_show_is_as_in_training() -> None:
    kind, columns = TextClassification(), {"text": "text", "labels": "labels"}
    task = Recognised(kind, "single/several", columns, kind.details("single/several", columns, profiles_of(JOINED)))
    rows = [{"text": "a film", "moods": cell} for cell in ("joy|fear", "joy")]
    assert task.reading({"text": "text", "labels": "moods"}, profiles_of(rows)).details == {"separator": "|"}


def test_where_nothing_is_known_of_the_training_the_other_table_says_it() -> None:
    task = Recognised(TextClassification(), "single/several", {"text": "text", "labels": "labels"}, {})
    assert task.reading(task.columns, profiles_of(JOINED)).details == {}
    assert task.reading(task.columns, profiles_of(JOINED), anew=True).details == {"separator": "|"}


# -- fitted ----------------------------------------------------------------------------------------------------------


def test_fitting_keeps_what_was_recognised_and_adds_what_was_learned() -> None:
    kind = TextClassification()
    task = Recognised(kind, "single/several", {"text": "text", "labels": "labels"}, {"separator": "|"})
    made = task.fit(Dataset.from_list([{"label": ["joy"]}, {"label": ["fear", "joy"]}]), Recipe())
    assert type(made) is Fitted and made.learned == SeveralLabels(("fear", "joy"), calibrate=True)
    assert (made.kind, made.shape, made.columns, made.details) == (kind, task.shape, task.columns, task.details)
    assert made.metric_for_best == "f1_micro"


@pytest.mark.parametrize(
    ("kind", "shape", "learned"),
    [
        (Summarization(), "", Writing(GenerationRecipe(num_beams=3), seed=7, prefix="summarize: ")),
        (TextClassification(), "single/several", SeveralLabels(("joy", "fear"), None, 0.3, (1.0, 2.5))),
    ],
)
def test_a_task_comes_back_from_json(kind: Task[Any], shape: str, learned: Any) -> None:
    task = Fitted(kind, shape, {"text": "text", "labels": ["joy", "fear"]}, {"separator": None}, learned)
    back = restore(json.loads(json.dumps(task.to_dict())))
    assert type(back.kind) is type(kind)
    assert (back.shape, back.columns, back.details, back.learned) == (shape, task.columns, task.details, learned)


# -- bound -----------------------------------------------------------------------------------------------------------


def test_binding_adds_the_tokenizer_and_limits_come_last() -> None:
    tokenizer = Mock()
    task, decisions = fitted().bind(tokenizer, BertConfig())
    assert (task.tokenizer, task.limits, task.columns, task.learned) == (tokenizer, None, COLUMNS, Nothing())
    assert decisions == []
    within = task.within(Limits(32, 8))
    assert (within.set_limits, within.tokenizer) == (Limits(32, 8), tokenizer)
    assert task.limits is None
    with pytest.raises(AssertionError, match="stance has no limits yet"):
        _ = task.set_limits


def test_no_phase_changes() -> None:
    task = fitted()
    with pytest.raises(FrozenInstanceError):
        task.shape = "pair"  # type: ignore[misc]


def test_a_task_that_chooses_nothing_does_not_ask_for_validation_answers() -> None:
    task, _ = fitted().bind(Mock(), BertConfig())
    ask = Mock()
    assert task.tuned(ask, Console()) == task
    ask.assert_not_called()


def test_the_key_of_tokens_changes_with_what_decides_them_alone() -> None:
    plain = writing("summarize: ").token_key()
    assert writing("summarize: ", temperature=0.5, num_beams=3).token_key() == plain
    assert writing("summarize: ").within(Limits(32, 8)).token_key() == plain, "limits have a place of their own"
    assert writing("tldr: ").token_key() != plain
    assert fitted().bind(Mock(), BertConfig())[0].token_key() != plain


def test_the_card_of_a_model_holds_the_task_and_its_limits() -> None:
    task = writing("summarize: ").within(Limits(64, 12, stride=3))
    card = json.loads(json.dumps(task.card()))
    assert card["package"] == "luthier"
    assert limits_in(card) == Limits(64, 12, stride=3)
    assert restore(card).learned == task.learned
