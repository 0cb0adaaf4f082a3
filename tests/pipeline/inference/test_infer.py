"""Running a model over rows: outputs per row for any batching, the loss, and generated answers."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from luthier.data.batches import IGNORED
from luthier.data.tokenized import Features, Limits
from luthier.engines.objective import Objective
from luthier.models.scratch import make_config, make_model
from luthier.pipeline.inference import infer as module
from luthier.pipeline.inference.infer import Asked, answer, asked_of, batches_of, evenly, infer
from luthier.tasks.phases import Bound
from luthier.tasks.text_classification.task import TextClassification
from luthier.tasks.text_generation.task import TextGeneration
from luthier.tokenizers.training import train_tokenizer
from tests.conftest import review, review_rows
from tests.tasks.by_hand import Oracle, bound, learned, recipe_of

TEXTS = [review("good", i) for i in range(5)]


def classification() -> tuple[Bound[Any], Asked]:
    """The task, and eight rows of 4 to 26 tokens with their labels."""
    task, examples = learned(TextClassification, review_rows(8))
    tokenizer = train_tokenizer(examples["text"], 200, architecture="bert")
    ready = bound(task, tokenizer, Limits(64))
    return ready, asked_of(examples, ready.encode(examples, training=False))


TASK, ASKED = classification()


def two_numbers(ids: Tensor) -> SequenceClassifierOutput:
    """The sum and the number of the token ids, which padding does not change."""
    return SequenceClassifierOutput(logits=torch.stack([ids.sum(1), ids.count_nonzero(1)], 1).float())


# -- asked rows ------------------------------------------------------------------------------------------------------


def test_rows_have_their_features_and_lengths() -> None:
    features: Features = {"input_ids": [[1, 2, 3], [4]], "labels": [0, 1], "target_length": [2, 0]}
    asked = asked_of({"text": ["a", "b"]}, features)
    assert asked.rows == [
        {"input_ids": [1, 2, 3], "labels": 0, "target_length": 2},
        {"input_ids": [4], "labels": 1, "target_length": 0},
    ]
    assert asked.lengths.tolist() == [5, 1]
    several = asked_of({"text": ["a"]}, {"input_ids": [[[1, 2], [3, 4, 5]]]})
    assert several.lengths.tolist() == [5], "the tokens of all its sequences"


def test_the_size_is_the_number_of_examples_not_of_windows() -> None:
    windows = asked_of({"text": ["a"]}, {"input_ids": [[1], [2], [3]], "examples": [[0], [0], [0]]})
    assert (windows.size, len(windows.rows)) == (1, 3)
    assert asked_of({}, {"input_ids": []}).size == 0


# -- the pass --------------------------------------------------------------------------------------------------------
@given(st.permutations(range(8)), st.integers(1, 8))
def test_the_outputs_of_a_row_do_not_depend_on_the_batches(order: list[int], size: int) -> None:
    batches = [np.array(order[start : start + size]) for start in range(0, 8, size)]
    model = Oracle(two_numbers)
    collected, loss = infer(TASK, model, ASKED, batches, TASK.collator(model), Objective())  # type: ignore[arg-type]
    assert loss is None, "the objective has no loss"
    assert [row.tolist() for row in collected] == [[sum(row["input_ids"]), len(row["input_ids"])] for row in ASKED.rows]


def test_the_loss_is_the_mean_over_all_labels_that_are_not_ignored() -> None:
    rows = [dict(row) | {"labels": label} for row, label in zip(ASKED.rows, [0, 1, 1, IGNORED] * 2, strict=True)]
    asked = Asked(ASKED.examples, rows, ASKED.lengths)
    model = Oracle(lambda ids: SequenceClassifierOutput(logits=torch.tensor([[0.0, math.log(3)]]).expand(len(ids), 2)))
    objective = Objective(TASK.loss(recipe_of().training))
    batches = [np.arange(3), np.arange(3, 8)]
    _, loss = infer(TASK, model, asked, batches, TASK.collator(model), objective)  # type: ignore[arg-type]
    # The probability of label 0 is 1/4, that of label 1 is 3/4; two of the eight labels are ignored.
    assert loss == pytest.approx((2 * math.log(4) + 4 * math.log(4 / 3)) / 6)


def test_the_model_runs_in_inference_mode() -> None:
    seen: list[bool] = []

    def outputs(ids: Tensor) -> SequenceClassifierOutput:
        seen.append(torch.is_grad_enabled() or not torch.is_inference_mode_enabled())
        return two_numbers(ids)

    model = Oracle(outputs)
    infer(TASK, model, ASKED, [np.arange(8)], TASK.collator(model), Objective())  # type: ignore[arg-type]
    assert seen == [False]


# -- batches and answers ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def writer() -> tuple[Bound[Any], PreTrainedModel, Asked]:
    """A new decoder and five texts."""
    task, examples = learned(TextGeneration, [{"text": text} for text in TEXTS])
    tokenizer = train_tokenizer(TEXTS, 300, family="decoder", architecture="llama")
    torch.manual_seed(0)
    model = make_model("CausalLM", make_config("llama", "tiny", tokenizer, positions=64)).eval()
    ready = bound(task, tokenizer, Limits(64))
    ready.configure(model)
    model.generation_config.update(max_new_tokens=2)
    return ready, model, asked_of(examples, ready.encode(examples, training=False))


def test_batches_hold_each_row_once_and_at_most_so_many_rows() -> None:
    model: Any = Oracle(two_numbers)
    batches = batches_of(TASK, model, ASKED.lengths, 3)
    assert sorted(int(i) for batch in batches for i in batch) == list(range(8))
    assert [len(batch) for batch in batches] == [3, 3, 2]


def test_batches_are_smaller_for_models_with_a_vocabulary_of_outputs_per_token(
    writer: tuple[Bound[Any], PreTrainedModel, Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, model, asked = writer
    longest = int(asked.lengths.max())
    monkeypatch.setattr(module, "MOST_NUMBERS", 2 * longest * model.config.vocab_size)
    batches = batches_of(task, model, asked.lengths, 32)
    assert len(batches) > 1
    assert all(len(batch) * int(asked.lengths[batch].max()) <= 2 * longest for batch in batches)
    monkeypatch.setattr(module, "MOST_NUMBERS", 1)
    assert [len(batch) for batch in batches_of(task, model, asked.lengths, 32)] == [1] * len(asked.rows)
    assert [len(batch) for batch in batches_of(task, model, asked.lengths, 32, logits=False)] == [len(asked.rows)]
    monkeypatch.setattr(module, "MOST_TOKENS", 2 * longest)
    batches = batches_of(task, model, asked.lengths, 32, logits=False)
    assert all(len(batch) * int(asked.lengths[batch].max()) <= 2 * longest for batch in batches)


@pytest.mark.parametrize(
    ("generated", "written"), [(None, {0, 1, 2, 3, 4}), (0, set()), (1, {0}), (2, {0, 4}), (3, {0, 2, 4})]
)
def test_texts_are_generated_for_some_examples_and_the_loss_is_over_all(
    writer: tuple[Bound[Any], PreTrainedModel, Asked], generated: int | None, written: set[int]
) -> None:
    task, model, asked = writer
    answers, loss = answer(task, model, asked, recipe_of(), generated=generated)
    assert {i for i, one in enumerate(answers) if one["prediction"] is not None} == written
    costs = sum(one["nll"] for one in answers) / sum(one["tokens"] for one in answers)
    assert loss == pytest.approx(costs, rel=1e-5)
    assert costs == pytest.approx(math.log(model.config.vocab_size), abs=0.8), "the loss of guessing"


def test_answers_of_a_classifier_are_given_for_all_examples() -> None:
    model: Any = Oracle(two_numbers)
    answers, loss = answer(TASK, model, ASKED, recipe_of(), generated=1)
    assert [one["prediction"] for one in answers] == ["bad"] * 8, "the first logit is the larger one"
    assert loss is not None and loss > 0


# -- evenly ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "most", "chosen"),
    [(5, None, [0, 1, 2, 3, 4]), (5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8]), (5, 0, []), (0, 3, [])],
)
def test_positions_are_evenly_spaced_from_the_first_to_the_last(n: int, most: int | None, chosen: list[int]) -> None:
    assert evenly(n, most) == chosen


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_evenly_spaced_positions_are_as_many_as_requested(n: int, most: int) -> None:
    chosen = evenly(n, most)
    assert len(chosen) == min(n, most) and chosen[0] == 0
    gaps = set(np.diff(chosen).tolist())
    assert all(gap > 0 for gap in gaps) and max(gaps, default=0) - min(gaps, default=0) <= 1
    assert most == 1 or chosen[-1] == n - 1
