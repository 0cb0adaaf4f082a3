"""What a task has from its data alone: rows, keys, checks, batches and words follow from its roles."""

from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import BertConfig, BertTokenizer, GPT2Config, MarianConfig
from transformers.modeling_outputs import SequenceClassifierOutput

from luthier.data.records import Fault
from luthier.data.tokenized import Examples
from luthier.errors import ColumnError, ModelError
from luthier.recipe import Recipe
from luthier.reporting.task_words import TaskWords
from luthier.tasks.base import Task
from luthier.tasks.phases import Nothing
from luthier.tasks.registry import find, registry
from luthier.tasks.roles import Role
from tests.tasks.by_hand import profiles_of
from tests.tasks.smallest import COLUMNS, ROW, Stance, fitted, recognised

KIND = Stance()
ALONE = {"claim": "statement", "stance": "agrees"}


def dataset(*claims: str) -> Dataset:
    return Dataset.from_list([{"claim": claim, "stance": 0, "row": i} for i, claim in enumerate(claims, start=1)])


# -- what a task must say --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_out", ["encode", "loss", "answers", "metrics", "best_metric"])
def test_a_task_that_leaves_out_one_of_the_five_cannot_be_made(left_out: str) -> None:
    said = {name: value for name, value in vars(Stance).items() if not name.startswith("_") and name != left_out}
    lacking: type[Task[Any]] = type("Lacking", (Task,), said)
    with pytest.raises(TypeError, match=left_out):
        lacking()


# -- columns ---------------------------------------------------------------------------------------------------------


def test_its_columns_are_found_by_its_roles() -> None:
    found = KIND.recognise(profiles_of([ROW] * 3), {}, None)
    assert found is not None
    assert (found.task, found.shape, found.columns) == ("stance", "", COLUMNS)
    assert KIND.recognise(profiles_of([ROW] * 3), {}, "pair/one") is None, "the shape is one of another task"


def test_what_no_column_can_be_is_told() -> None:
    assert KIND.recognise(profiles_of([{"answer": "it is"}] * 3), {}, None) is None
    assert KIND.why_not(profiles_of([{"answer": "it is"}] * 3), {}).startswith("no column for claim, stance: 'answer'")


def test_an_encoders_task_fits_a_decoder_with_its_head_and_no_model_without_one() -> None:
    assert KIND.fits(BertConfig())
    assert KIND.fits(GPT2Config())
    assert not KIND.fits(MarianConfig())


# -- rows ------------------------------------------------------------------------------------------------------------


def test_a_row_is_read_into_roles_and_what_the_data_lacks_is_left_out() -> None:
    assert KIND.example(recognised(), ROW) == {"claim": "the film is long", "reply": "it is", "stance": "1"}
    assert KIND.example(recognised(ALONE), ROW) == {"claim": "the film is long", "stance": "1"}
    assert KIND.asked(recognised()) == ["claim", "reply"]
    assert KIND.asked(recognised(ALONE)) == ["claim"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"statement": None}, "missing-text"),
        ({"answer": " "}, "empty-text"),
        ({"agrees": None}, "missing-label"),
        ({"agrees": ""}, "missing-label"),
    ],
)
def test_a_row_without_one_of_its_values_is_refused(change: dict[str, Any], reason: str) -> None:
    found = KIND.example(recognised(), ROW | change)
    assert isinstance(found, Fault)
    assert found.reason == reason


def test_a_query_is_read_by_columns_or_by_roles_and_may_be_empty() -> None:
    wanted = {"claim": "the film is long", "reply": "it is"}
    assert KIND.query(recognised(), ROW) == wanted
    assert KIND.query(recognised(), wanted) == wanted
    assert KIND.query(recognised(), {"statement": "the film is long", "claim": "other", "answer": "it is"}) == wanted
    assert KIND.query(recognised(), {"statement": "", "answer": " "}) == {"claim": "", "reply": ""}


@pytest.mark.parametrize(("cell", "reason"), [(None, "missing-text"), (["a"], "not-text")])
def test_a_query_that_is_missing_or_no_text_is_refused(cell: Any, reason: str) -> None:
    found = KIND.query(recognised(), {"statement": cell, "answer": "it is"})
    assert isinstance(found, Fault) and found.reason == reason


def test_a_query_without_a_column_is_refused_with_its_role() -> None:
    with pytest.raises(ColumnError, match="no column 'answer'") as caught:
        KIND.query(recognised(), {"statement": "the film is long"})
    assert caught.value.where == "role 'reply'"


def test_a_key_is_of_what_is_read_alone() -> None:
    one = {"claim": "The  film", "reply": "yes", "stance": 0}
    assert KIND.key(one) == KIND.key({"claim": "the film", "reply": "Yes", "stance": 1}) == KIND.group(one)
    assert len({KIND.key(one), KIND.key({"claim": "the film"}), KIND.key({"claim": "the film", "reply": "no"})}) == 3


def test_any_number_of_inputs_makes_a_key() -> None:
    class Debate(Stance):
        roles = (*Stance.roles, Role("topic"))

    one = {"claim": "the film", "reply": "yes", "topic": "art", "stance": 0}
    assert len({Debate().key(one | {"topic": topic}) for topic in ("art", "Art", "length")}) == 2


# -- checks ----------------------------------------------------------------------------------------------------------


def test_texts_that_repeat_and_texts_of_a_given_split_that_training_has_are_found() -> None:
    splits = {"train": dataset("a film", "a film", "b"), "validation": dataset("c"), "test": dataset("b", "c")}
    keys = {name: [KIND.key(example) for example in split] for name, split in splits.items()}
    made_here = {finding.id: finding.rows for finding in KIND.check(fitted(ALONE), splits, keys, [])}
    assert made_here == {"duplicates": (2,), "held-out-overlap": (2,)}
    given = {finding.id: finding.rows for finding in KIND.check(fitted(ALONE), splits, keys, ["test"])}
    assert given == made_here | {"leak": (1,)}


# -- examples --------------------------------------------------------------------------------------------------------

EXAMPLES: Examples = {"claim": ["one", "two"], "reply": ["three", "four"], "stance": [0, 1]}


def test_the_columns_of_examples_by_what_they_are_for() -> None:
    task = fitted()
    assert list(KIND.texts(task, EXAMPLES)) == ["one", "two", "three", "four"]
    assert KIND.inputs(task, EXAMPLES) == {"claim": ["one", "two"], "reply": ["three", "four"]}
    assert KIND.gold(task, EXAMPLES) == [0, 1]
    assert KIND.perfect(task, EXAMPLES) == [{"prediction": 0}, {"prediction": 1}]
    assert KIND.gold(task, KIND.examples_of(task, {"gold": [1, 1], "claim": ["one", "two"]})) == [1, 1]


def test_each_of_several_texts_in_a_cell_is_a_text_for_the_tokenizer() -> None:
    assert list(KIND.texts(fitted(ALONE), {"claim": [["one", "two"], ["three"]]})) == ["one", "two", "three"]


def test_there_is_nothing_to_learn_before_the_model_unless_a_task_says_so() -> None:
    assert KIND.fit(recognised(), dataset("a"), Recipe()) == KIND.learned_type("")() == Nothing()


# -- batches ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer() -> BertTokenizer:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return BertTokenizer(vocab={piece: i for i, piece in enumerate([*special, "one", "two", "three", "four"])})


def test_a_batch_is_padded_but_for_its_labels(tokenizer: BertTokenizer) -> None:
    task, _ = fitted().bind(tokenizer, BertConfig())
    features = task.encode({"claim": ["one", "one two"], "reply": ["three", "four"], "stance": [0, 1]}, training=True)
    rows = [{name: column[i] for name, column in features.items()} for i in range(2)]
    batch = task.collator(Mock())(rows)
    assert batch["input_ids"].tolist() == [[2, 5, 3, 7, 3, 0], [2, 5, 6, 3, 8, 3]]
    assert batch["attention_mask"].sum().item() == 11
    assert batch["labels"].tolist() == [0, 1]
    asked = task.collator(Mock())([{name: row[name] for name in row if name != "labels"} for row in rows])
    assert "labels" not in asked


def test_what_is_collected_of_a_row_is_its_logits_in_double_precision() -> None:
    logits = torch.tensor([[0.5, 1.5], [2.0, -1.0]], dtype=torch.bfloat16)
    kept = KIND.collect(Mock(), SequenceClassifierOutput(logits=logits), {})
    assert [one.dtype for one in kept] == [np.float64] * 2
    assert [one.tolist() for one in kept] == [[0.5, 1.5], [2.0, -1.0]]


def test_only_a_task_that_writes_goes_on_with_a_conversation(tokenizer: BertTokenizer) -> None:
    task, _ = fitted().bind(tokenizer, BertConfig())
    with pytest.raises(ModelError, match="for stance, not for chat"):
        task.chat_prompt([{"role": "user", "content": "Hello"}])


# -- words -----------------------------------------------------------------------------------------------------------


def test_a_page_says_the_tasks_own_words() -> None:
    class Told(Stance):
        hub_tag = "text-classification"
        counted = ("Stance", "Stances")

    assert KIND.page_words() == TaskWords("stance", ("Label", "Labels"), "")
    assert Told().page_words() == TaskWords("text-classification", ("Stance", "Stances"), "")


def test_a_made_up_row_has_a_text_for_each_input_that_the_data_has() -> None:
    assert list(KIND.trial(fitted()).items()) == [("claim", "one text"), ("reply", "it is not")]
    assert KIND.trial(fitted(ALONE)) == {"claim": "one text"}


def test_plain_transformers_loads_the_model_by_its_class() -> None:
    code = KIND.transformers_code(fitted(), "runs/one/model")
    assert 'model = AutoModelForSequenceClassification.from_pretrained("runs/one/model")' in code
    assert code.endswith("print(model)"), "so that who runs it sees something"


# -- where a task comes from -----------------------------------------------------------------------------------------


def test_a_task_knows_its_package_and_its_code() -> None:
    assert find("chat").package == "luthier"
    assert KIND.package == "tests", "a module that no distribution brings goes by its own name"
    digests = [task.code_digest() for task in registry().values()]
    assert len({*digests, KIND.code_digest()}) == len(digests) + 1
    assert KIND.code_digest() == Stance().code_digest()
