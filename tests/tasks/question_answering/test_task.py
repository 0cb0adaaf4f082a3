"""Extractive question answering: from an answer's characters to tokens of windows, and back to the best of all."""

import json
import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import processors
from torch import Tensor
from transformers import BertConfig, BertForQuestionAnswering, PreTrainedTokenizerBase
from transformers.modeling_outputs import QuestionAnsweringModelOutput

from luthier.console import Console
from luthier.data.records import Fault
from luthier.data.tokenized import Limits
from luthier.errors import ColumnError
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.pipeline.preparation.prepare import prepare
from luthier.recipe import Recipe
from luthier.run_directory.predictions import read_predictions
from luthier.tasks.phases import Answer, Bound
from luthier.tasks.question_answering.task import NONE, QuestionAnswering, Reading, decided
from luthier.tasks.registry import registry
from luthier.tokenizers.training import train_tokenizer
from tests.tasks.by_hand import (
    Oracle,
    Row,
    answers,
    bound,
    came_back,
    encoded,
    learned,
    quickly,
    recognised,
    run,
    skip_reason,
    values_of,
    write,
)
from tests.tasks.question_answering.squad import official_f1

WORDS = ["the", "film", "a", "story", "of", "two", "people", "in", "town", "with", "music", "and", "long", "night"]


def row(question: str, context: str, *spans: tuple[str, int]) -> Row:
    texts, starts = [text for text, _ in spans], [start for _, start in spans]
    return {"question": question, "context": context, "answers": {"text": texts, "answer_start": starts}}


def squad(i: int, *, answered: bool = True) -> Row:
    """A question whose answer is the one bright word of its context."""
    draw = random.Random(i)
    before, after = (" ".join(draw.choices(WORDS, k=draw.randint(2, 12))) for _ in range(2))
    answer = draw.choice(["great", "lovely", "warm", "bright"])
    context = f"{before} {answer} {after}." if answered else f"{before} {after}."
    return row(f"what in story n{i}", context, *([(answer, len(before) + 1)] if answered else []))


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    texts = [" ".join([*WORDS, "needle", "pin", "great lovely warm bright what where is", "."])] * 20
    return train_tokenizer(texts, 300, family="encoder", architecture="bert")


@pytest.fixture(scope="module", params=["bert", "modernbert"])
def either(request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    """One of WordPiece and one of bytes, of so few tokens that words are cut."""
    texts = [" ".join(WORDS)] * 3
    return train_tokenizer(texts, 300 if request.param == "modernbert" else 60, architecture=request.param)


# -- rows to examples ------------------------------------------------------------------------------------------------


def test_rows_become_examples_and_say_whether_all_are_answered() -> None:
    task, examples = learned(QuestionAnswering, [squad(i) for i in range(6)])
    assert (task.shape, task.learned.unanswerable) == ("answerable", False)
    for context, texts, starts in zip(*(examples[name] for name in ("context", "answers", "starts")), strict=True):
        assert context[starts[0] : starts[0] + len(texts[0])] == texts[0]
    task, examples = learned(QuestionAnswering, [squad(i, answered=i % 3 > 0) for i in range(6)])
    assert (task.shape, task.learned.unanswerable) == ("unanswerable-too", True)
    assert [bool(texts) for texts in task.gold(examples)] == [False, True, True] * 2
    assert task.strata(Dataset.from_dict(examples)) == [False, True, True] * 2
    assert task.label_counts(Dataset.from_dict(examples)) == {"answer": 4, "no answer": 2}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"question": None}, "missing-text"),
        ({"question": " "}, "empty-text"),
        ({"context": None}, "missing-text"),
        ({"context": ""}, "empty-text"),
        ({"answers": None}, "missing-label"),
        ({"answers": {"text": ["nowhere"], "answer_start": [3]}}, "answer-not-in-context"),
        ({"answers": {"text": ["great", "warm"], "answer_start": [3]}}, "invalid-answer"),
    ],
)
def test_a_row_that_cannot_be_used_is_skipped(change: Row, reason: str) -> None:
    task = recognised(QuestionAnswering, [squad(i) for i in range(6)])
    assert skip_reason(task, {**squad(0), **change}) == reason


def test_answers_that_stand_a_little_beside_are_mended_and_listed() -> None:
    context = "In 1998 the film  of Lyon was made."
    data = [
        row("q0", context, ("1998", 3)),
        row("q1", context, ("1998", 4)),
        row("q2", context, (" 1998 ", 2)),
        row("q3", context, ("film of lyon", 12)),
        row("q4", context, ("1998", 3), ("absent", 0)),
        *(squad(i) for i in range(20)),
    ]
    task, examples = learned(QuestionAnswering, data)
    assert examples["answers"][:5] == [["1998"], ["1998"], [" 1998 "], ["film  of Lyon"], ["1998"]]
    assert examples["starts"][:5] == [[3], [3], [2], [12], [3]]
    train = Dataset.from_dict(examples)
    found = task.check({"train": train}, {"train": [task.key(one) for one in train]}, [])
    listed = {finding.id: (finding.severity, finding.rows) for finding in found}
    assert listed["answer-shifted"] == ("info", (2,))
    assert listed["answer-respelled"] == ("info", (4,))
    assert listed["answer-dropped"] == ("info", (5,))


def test_the_questions_of_one_context_stay_on_one_side(tmp_path: Path, tiny_model: Path) -> None:
    data = [{**squad(i % 12), "question": f"question {i}"} for i in range(60)]
    recipe = Recipe.build(
        {"data": {"train": [str(write(tmp_path / "q.jsonl", data))]}, "model": {"name": str(tiny_model)}}
    )
    with quickly(tmp_path):
        splits = prepare(recipe, Console()).splits
    held = {name: set(split["context"]) for name, split in splits.items()}
    assert held.keys() == {"train", "validation", "test"}
    assert sum(map(len, held.values())) == 12 == len(set.union(*held.values()))


# -- examples to windows ---------------------------------------------------------------------------------------------


def span_of(features: Row, context: str) -> str:
    """The text from the first to the last token of the answer."""
    start, end = features["labels"]
    return context[features["offsets"][start][0] : features["offsets"][end][1]]


def test_the_labels_are_the_first_and_the_last_token_of_the_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    context = "the film of two people in town"
    task, examples = learned(QuestionAnswering, [row("what is the film", context, ("two people", 12)), squad(1)])
    features = encoded(task, examples, tokenizer)[0]
    tokens = tokenizer.convert_ids_to_tokens(features["input_ids"])
    assert " ".join(tokens) == f"[CLS] what is the film [SEP] {context} [SEP]"
    assert features["labels"] == [9, 10]
    assert features["offsets"][:6] == [[-1, -1]] * 6 and features["offsets"][-1] == [-1, -1]
    assert features["targets"] == 1


def test_answers_may_be_as_long_as_those_of_training(tokenizer: PreTrainedTokenizerBase) -> None:
    long = " ".join(WORDS * 3)
    rows = [row("what", f"the {long} in town", (long, 4)), row("where", "a film in town", ("town", 10))]
    task, _ = learned(QuestionAnswering, rows)
    for several, most in ((task, 30), (replace(task, learned=replace(task.learned, usual=long)), 42)):
        ready, decisions = several.bind(tokenizer, BertConfig())
        assert (ready.learned.most_tokens, ready.learned.usual, bool(decisions)) == (most, "", most > 30)
        assert ready.bind(tokenizer, BertConfig())[0].learned == ready.learned, "a model that is loaded"
    assert task.learned.usual == "town", "a single long answer is an exception"


def test_the_labels_are_of_the_padded_batch_whatever_the_side_of_the_tokenizer(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    to_the_left = deepcopy(tokenizer)
    to_the_left.padding_side = "left"  # as many decoders' are
    task, examples = learned(QuestionAnswering, [squad(i) for i in range(6)])
    batch = bound(task, to_the_left).collator(Mock())(encoded(task, examples, to_the_left))
    for ids, (first, last), (answer,) in zip(batch["input_ids"], batch["labels"], examples["answers"], strict=True):
        assert tokenizer.decode(ids[first : last + 1]) == answer


def test_white_space_of_an_answer_is_no_token(tokenizer: PreTrainedTokenizerBase) -> None:
    context = "the film of two people in town"
    task, examples = learned(QuestionAnswering, [row("what", context, (" two people ", 11)), squad(1)])
    assert span_of(encoded(task, examples, tokenizer)[0], context) == "two people"


@settings(max_examples=60)
@given(st.data())
def test_every_answer_is_found_again_in_the_windows_that_hold_it(either: PreTrainedTokenizerBase, data: Any) -> None:
    words = data.draw(st.lists(st.sampled_from([*WORDS, "Zoë", "3.5", "(x)"]), min_size=1, max_size=80))
    first = data.draw(st.integers(0, len(words) - 1))
    size = data.draw(st.integers(1, 3))
    context, start = " ".join(words), len(" ".join(words[:first])) + (first > 0)
    answer = " ".join(words[first : first + size])
    task = reading()
    examples = {"question": ["what"], "context": [context], "answers": [[answer]], "starts": [[start]]}
    whole = encoded(task, examples, either)[0]
    assert span_of(whole, context) == answer
    size_in_tokens = whole["labels"][1] - whole["labels"][0] + 1

    limits = Limits(data.draw(st.integers(12, 64)), stride=data.draw(st.integers(0, 5)))
    rows = encoded(task, examples, either, limits)
    holding = [one for one in rows if one["targets"]]
    assert all(span_of(one, context) == answer for one in holding)
    assert all(one["labels"] == [0, 0] for one in rows if not one["targets"])
    if size_in_tokens <= limits.stride + 1:
        assert holding, "what fits into the tokens that windows share is whole in one of them"
    seen, every = (
        {tuple(pair) for one in some for pair in one["offsets"] if pair[0] < pair[1]} for some in (rows, [whole])
    )
    assert seen == every, "no token is lost"


def test_windows_without_the_answer_point_to_the_first_token(tokenizer: PreTrainedTokenizerBase) -> None:
    context = "the film of two people in town " * 10 + "needle " + "with music " * 20
    asked, none = row("what", context, ("needle", context.index("needle"))), row("where", context)
    task, examples = learned(QuestionAnswering, [asked, none])
    rows = encoded(task, examples, tokenizer, Limits(32, stride=8))
    found = [one["targets"] for one in rows if one["examples"] == [0]]
    assert set(found) == {0, 1} and 0 < sum(found) < len(found) / 2
    for one in rows:
        assert one["labels"] == [0, 0] or span_of(one, context) == "needle"
    # To a question without an answer every window says so.
    assert {(*one["labels"], one["targets"]) for one in rows if one["examples"] == [1]} == {(0, 0, 1)}


def test_a_long_question_leaves_half_of_the_window_to_the_context(tokenizer: PreTrainedTokenizerBase) -> None:
    context = "the film of two people in town needle"
    task, examples = learned(QuestionAnswering, [row("what is " * 40, context, ("needle", 31))] * 2)
    rows = encoded(task, examples, tokenizer, Limits(24, stride=4))
    assert all(len(one["input_ids"]) <= 24 for one in rows)
    assert all(sum(pair[0] >= 0 for pair in one["offsets"]) >= 8 for one in rows[:1])
    assert any(one["targets"] for one in rows)


def test_a_blank_that_a_token_carries_is_no_part_of_an_answer() -> None:
    """Such tokens are those of GPT-2 and its like where nothing trims them, and all that open a window."""
    backend = train_tokenizer([" ".join(WORDS)] * 3, 300, architecture="modernbert")
    backend.backend_tokenizer.post_processor = processors.TemplateProcessing(
        pair="[CLS] $A [SEP] $B [SEP]", single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    context = "the film of two people in town"
    assert backend("a film", return_offsets_mapping=True)["offset_mapping"][2][0] == 1
    task, examples = learned(QuestionAnswering, [row("what", context, ("two people", 12)), squad(1)])
    rows = encoded(task, examples, backend) + encoded(task, examples, backend, Limits(10, stride=0))
    assert span_of(rows[0], context) == "two people"
    for one in rows:
        text = examples["context"][one["examples"][0]]
        assert not [1 for start, end in one["offsets"] if start >= 0 and text[start:end] != text[start:end].strip()]


def test_the_loss_is_that_of_transformers_own_model(tokenizer: PreTrainedTokenizerBase) -> None:
    task, examples = learned(QuestionAnswering, [squad(i, answered=i % 4 > 0) for i in range(12)])
    batch = bound(task, tokenizer).collator(Mock())(encoded(task, examples, tokenizer, training=True))
    labels = batch.pop("labels")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    model = BertForQuestionAnswering(BertConfig(vocab_size=len(tokenizer), **sizes)).eval()
    outputs = model(**batch, start_positions=labels[:, 0], end_positions=labels[:, 1])
    summed = bound(task, tokenizer).loss(Recipe().training)(outputs, {"labels": labels})
    assert summed.item() / labels.numel() == pytest.approx(outputs.loss.item(), rel=1e-6)


# -- windows to an answer --------------------------------------------------------------------------------------------


def finding_oracle(tokenizer: PreTrainedTokenizerBase, first: str, last: str) -> Oracle:
    """A model that sees where `first` and `last` stand, and says in each other window that there is no answer."""
    start, end = (tokenizer.convert_tokens_to_ids(word) for word in (first, last))

    def outputs(ids: Tensor) -> QuestionAnsweringModelOutput:
        starts, ends = ids.eq(start).float() * 9, ids.eq(end).float() * 9
        seen = (starts.amax(1) > 0) & (ends.amax(1) > 0)
        starts[:, 0] = ends[:, 0] = torch.where(seen, -6.0, 6.0)
        return QuestionAnsweringModelOutput(start_logits=starts, end_logits=ends)

    return Oracle(outputs)


@pytest.mark.parametrize("shape", ["answerable", "unanswerable-too"])
def test_an_answer_in_the_last_sentence_of_5000_tokens_is_found(shape: str, tokenizer: PreTrainedTokenizerBase) -> None:
    filler = "the film of two people in town with music . " * 500
    context = filler + "it is the needle of pin ."
    assert len(tokenizer(context)["input_ids"]) > 5000
    task = reading(tokenizer, Limits(64, stride=21), unanswerable=shape == "unanswerable-too")
    predictor = Predictor(task, finding_oracle(tokenizer, "needle", "pin"))
    answer, none = predictor.predict([("what is it", context), ("what is it", filler)])
    assert answer["prediction"] == "needle of pin"
    assert context[answer["start"] :].startswith("needle of pin")
    assert answer["score"] > 0.9
    assert "truncated" not in answer
    if shape == "unanswerable-too":
        assert (none["prediction"], none["start"]) == (NONE, None)
        assert none["score"] > 0.9
    else:
        assert none["prediction"], "where every question has an answer, the best one is given"


@pytest.mark.parametrize("place", range(0, 120, 7))
def test_an_answer_at_any_place_of_a_window_is_found(place: int, tokenizer: PreTrainedTokenizerBase) -> None:
    words = ["the", "film", "of", "two"] * 30
    context = " ".join([*words[:place], "needle", "of", "pin", *words[place:]])
    task = reading(tokenizer, Limits(16, stride=4), unanswerable=True)
    predictor = Predictor(task, finding_oracle(tokenizer, "needle", "pin"))
    assert predictor.predict([("what", context)])[0]["prediction"] == "needle of pin"


def reading(
    tokenizer: PreTrainedTokenizerBase | None = None, limits: Limits | None = None, **settings: Any
) -> Bound[Reading]:
    """The task with settings of its own."""
    columns = {"question": "question", "context": "context", "answers": "answers"}
    return Bound(QuestionAnswering(), "answerable", columns, {}, Reading(**settings), tokenizer or Mock(), limits)


def said(task: Bound[Reading], logits: Sequence[Sequence[Sequence[float]]], contexts: Sequence[str]) -> list[Answer]:
    """Answers of windows that all hold the whole context, one token a character after the first.

    Args:
        task: The task.
        logits: [windows, 2, tokens]
        contexts: Of each window; equal ones belong to one example.
    """
    examples = list(dict.fromkeys(contexts))
    rows = [
        {"offsets": [[-1, -1], *([i, i + 1] for i in range(len(context)))], "examples": [examples.index(context)]}
        for context in contexts
    ]
    return task.answers({"context": examples}, rows, [np.array(window, dtype=np.float32) for window in logits])


def test_the_score_of_no_answer_is_the_least_over_the_windows() -> None:
    task = reading(unanswerable=True)
    sure, unsure = [[9, 0, 0, 0], [9, 0, 0, 0]], [[1, 0, 4, 0], [2, 0, 0, 5]]
    answer = said(task, [sure, unsure, sure], ["abc"] * 3)[0]
    assert answer["null_minus_best"] == (1 + 2) - (4 + 5)
    assert answer["prediction"] == "bc"
    assert said(task, [sure], ["abc"])[0]["prediction"] == NONE


def test_an_answer_runs_forward_and_is_no_longer_than_it_may_be() -> None:
    task = reading(most_tokens=2)
    backwards = [[0, 0, 0, 9, 0], [0, 9, 0, 0, 1]]
    assert said(task, [backwards], ["abcd"])[0]["prediction"] == "cd"
    long = [[0, 9, 0, 0, 0], [0, 0, 1, 5, 9]]
    assert said(task, [long], ["abcd"])[0]["prediction"] == "ab"


def test_the_best_answers_are_different_ones_with_shares_of_one() -> None:
    task = reading()
    windows = [[[0, 3, 1, 0, 0], [0, 1, 2, 0, 0]], [[0, 2.5, 1, 0, 0], [0, 1, 2.25, 0, 0]]]
    answer = task.readable(said(task, windows, ["abcd"] * 2)[0])
    places = [(one["start"], one["text"]) for one in answer["n_best"]]
    assert len(places) == len(set(places)) == 5
    assert places[:2] == [(0, "ab"), (0, "a")]
    shares = [one["score"] for one in answer["n_best"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert answer["score"] == shares[0]
    assert shares[0] / shares[1] == pytest.approx(np.exp(5.0 - 4.0), rel=1e-4)


def test_a_model_in_windows_says_what_a_plain_search_of_all_spans_says(tokenizer: PreTrainedTokenizerBase) -> None:
    torch.manual_seed(1)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, initializer_range=0.3, **sizes)
    model = BertForQuestionAnswering(config).eval()
    predictor = Predictor(reading(tokenizer, Limits(24, stride=8), unanswerable=True), model)
    contexts = [" ".join(random.Random(i).choices(WORDS, k=70)) for i in range(8)]
    for context, answer in zip(
        contexts, predictor.predict([("what is", context) for context in contexts]), strict=True
    ):
        found, nulls = {}, []
        cut = {"truncation": "only_second", "max_length": 24, "stride": 8, "return_overflowing_tokens": True}
        windows = tokenizer("what is", context, return_offsets_mapping=True, **cut)
        for i in range(len(windows["input_ids"])):
            names = ("input_ids", "token_type_ids", "attention_mask")
            outputs = model(**{name: torch.tensor([windows[name][i]]) for name in names})
            start, end = outputs.start_logits[0].tolist(), outputs.end_logits[0].tolist()
            nulls.append(start[0] + end[0])
            inside = [j for j, part in enumerate(windows.sequence_ids(i)) if part == 1]
            for a in inside:
                for b in (b for b in inside if a <= b < a + 30):
                    place = windows["offset_mapping"][i][a][0], windows["offset_mapping"][i][b][1]
                    found[place] = max(found.get(place, -np.inf), start[a] + end[b])
        (first, last), score = max(found.items(), key=lambda item: item[1])
        none = min(nulls) - score > 0
        assert answer["prediction"] == ("" if none else context[first:last])
        assert answer["n_best"][0]["text"] == context[first:last]


# -- questions without an answer -------------------------------------------------------------------------------------


def official_threshold(answers: Sequence[Answer], golds: Sequence[Sequence[str]]) -> tuple[float, float]:
    """`find_best_thresh` of evaluate-v2.0.py: the best sum of F1 and the threshold that gives it."""
    score = best = float(sum(not gold for gold in golds))
    threshold = 0.0
    for answer, gold in sorted(zip(answers, golds, strict=True), key=lambda pair: pair[0]["null_minus_best"]):
        score += official_f1(answer["best"], gold) if gold else -1.0 if answer["best"] else 0.0
        if score > best:
            best, threshold = score, answer["null_minus_best"]
    return best, threshold


def drawn_answers(seed: int, n: int = 30) -> tuple[list[Answer], list[list[str]]]:
    draw = random.Random(seed)
    golds = [[draw.choice(["the town", "music", "two people"])] if draw.random() < 0.6 else [] for _ in range(n)]
    best = [draw.choice(["town", "music", "people"]) for _ in range(n)]
    odds = [draw.gauss(0 if gold else 2, 2) for gold in golds]
    shares = json.dumps([{"text": "x", "start": 0, "score": 1.0}])
    found = [
        {"best": text, "start": 0, "null_minus_best": score, "n_best": shares, "prediction": text}
        for text, score in zip(best, odds, strict=True)
    ]
    return found, golds


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5, 7])
def test_the_threshold_is_that_of_the_official_script(seed: int) -> None:
    said, golds = drawn_answers(seed)
    task = reading(unanswerable=True)
    task = task.tuned(lambda: (said, {"answers": golds}), Console())
    best, threshold = official_threshold(said, golds)
    assert task.learned.threshold == threshold
    chosen = [decided(task.learned, answer) for answer in said]
    found = sum(official_f1(one["prediction"], gold) for one, gold in zip(chosen, golds, strict=True))
    assert found == pytest.approx(best)
    assert {one["prediction"] == NONE for one in chosen} == {True, False}
    # At the threshold itself neither is surer.
    assert all(one["score"] >= 0.5 or one["null_minus_best"] == threshold for one in chosen)


def test_where_no_answer_at_all_is_best_none_is_given() -> None:
    """The official script gives the threshold 0 here, by which some wrong answers stand."""
    said, golds = drawn_answers(6)
    best, _ = official_threshold(said, golds)
    assert best == sum(not gold for gold in golds)
    task = reading(unanswerable=True)
    task = task.tuned(lambda: (said, {"answers": golds}), Console())
    assert {decided(task.learned, answer)["prediction"] for answer in said} == {NONE}


def test_where_every_question_has_an_answer_one_is_always_given() -> None:
    task = reading(threshold=-9.0)
    assert said(task, [[[9, 1, 0], [9, 1, 0]]], ["ab"])[0]["prediction"] == "a"


# -- somebody else's model, the directory, baselines -------------------------------------------------------------------


def test_a_task_comes_back_from_what_it_wrote(tokenizer: PreTrainedTokenizerBase) -> None:
    task, examples = learned(QuestionAnswering, [squad(i, answered=i % 2 > 0) for i in range(6)])
    task = replace(task, learned=replace(task.learned, threshold=1.25))
    back = came_back(task)
    assert (back.learned.threshold, back.learned.unanswerable) == (1.25, True)
    model = finding_oracle(tokenizer, "great", "great")
    limits = Limits(32, stride=8)
    assert answers(back, model, tokenizer, examples, limits) == answers(task, model, tokenizer, examples, limits)
    assert type(registry()["question-answering"]) is QuestionAnswering


def test_what_to_predict_is_found_by_columns_or_roles() -> None:
    task, _ = learned(QuestionAnswering, [{**squad(i), "id": i} for i in range(6)])
    wanted = {"question": "what", "context": "the town"}
    assert task.query({**wanted, "id": 3}) == wanted
    task = replace(task, columns={"question": "q", "context": "passage", "answers": "answers"})
    assert task.query({"q": "what", "passage": "the town"}) == wanted == task.query(wanted)
    assert task.query({"q": "", "passage": ""}) == {"question": "", "context": ""}
    missing = task.query({"q": "what", "passage": None})
    assert isinstance(missing, Fault) and missing.reason == "missing-text"
    with pytest.raises(ColumnError, match="context"):
        task.query({"question": "what"})


@pytest.mark.parametrize(
    "context", ['["Anna made it.", "Bert sold it."]', ["Anna made it.", "Bert sold it."], "Anna made it. CANNOTANSWER"]
)
def test_a_row_is_read_alike_in_training_and_prediction(context: Any) -> None:
    task, _ = learned(QuestionAnswering, [squad(i) for i in range(6)])
    row = {"question": " Who? ", "context": context, "answers": {"text": ["Anna"], "answer_start": [0]}}
    trained, asked = task.kind.example(task, row), task.query(row)
    assert isinstance(trained, dict) and isinstance(asked, dict)
    assert asked == {role: trained[role] for role in ("question", "context")}
    assert asked["context"].startswith("Anna made it.") and "CANNOT" not in asked["context"]


@pytest.mark.parametrize("cell", [{"a": 1}, None])
@pytest.mark.parametrize("role", ["question", "context"])
def test_what_is_missing_or_no_text_is_neither_learned_nor_answered(role: str, cell: Any) -> None:
    task, _ = learned(QuestionAnswering, [squad(i) for i in range(6)])
    row = {**squad(0), role: cell}
    reason = "missing-text" if cell is None else "not-text"
    for found in (task.query(row), task.kind.example(task, row)):
        assert isinstance(found, Fault) and found.reason == reason


def test_empty_contexts_and_questions_get_no_answer_and_no_error(tokenizer: PreTrainedTokenizerBase) -> None:
    task = reading(tokenizer, Limits(16, stride=4))
    predictor = Predictor(task, finding_oracle(tokenizer, "needle", "pin"))
    found = predictor.predict([("what", ""), ("what", "   "), ("", "the needle of pin"), ("what " * 99, "needle pin")])
    assert [answer["prediction"] for answer in found] == ["", "", "needle of pin", "needle pin"]


def test_the_task_of_somebody_elses_model() -> None:
    task = QuestionAnswering().of_model(BertConfig(architectures=["BertForQuestionAnswering"]), Mock())
    assert task is not None and not task.learned.unanswerable
    assert QuestionAnswering().of_model(BertConfig(architectures=["BertForMaskedLM"]), Mock()) is None


def test_the_right_answers_are_a_perfect_score_and_the_baselines_are_not() -> None:
    data = [squad(i, answered=i % 2 > 0) for i in range(8)]
    task, examples = learned(QuestionAnswering, data)
    assert values_of(task, task.perfect(examples), examples) == dict.fromkeys(task.kind.metric_names, 1.0)
    said = bound(task, Mock()).baselines(examples, examples)
    assert said.keys() == {"nearest-sentence", "no-answer"}
    assert values_of(task, said["no-answer"], examples)["exact_match"] == 0.5
    assert all(a["prediction"] in row["context"] for a, row in zip(said["nearest-sentence"], data, strict=True))


# -- the whole way ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tuned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers")
    data = [squad(i, answered=i % 4 > 0) for i in range(120)]
    settings = {"training__epochs": 4, "training__learning_rate": 1e-2, "data__max_length": 24}
    return run(folder, tiny_model, data, texts=False, **settings)


def test_a_run_is_scored_as_the_official_script_would(tuned: Path) -> None:
    predictions = read_predictions(tuned / "predictions.parquet")
    assert predictions is not None
    metrics = json.loads((tuned / "metrics.json").read_text())["metrics"]
    pairs = list(zip(predictions["prediction"], predictions["gold"], strict=True))
    scores = [official_f1(text, gold) for text, gold in pairs]
    assert metrics["f1"]["value"] == pytest.approx(np.mean(scores))
    answered = [score for score, (_, gold) in zip(scores, pairs, strict=True) if gold]
    assert 0 < len(answered) < len(scores)
    assert metrics["f1_answerable"]["value"] == pytest.approx(np.mean(answered))
    assert metrics["f1"]["value"] > 0.5
    threshold = json.loads((tuned / "model" / "luthier.json").read_text())["learned"]["threshold"]
    none = [odds > threshold for odds in predictions["null_minus_best"]]
    assert none == [text == NONE for text, _ in pairs]


def with_threshold(predictor: Predictor, threshold: float) -> Predictor:
    learned = replace(predictor.task.learned, threshold=threshold)
    return replace(predictor, task=replace(predictor.task, learned=learned))


def test_the_tuned_threshold_decides_what_is_predicted(tuned: Path) -> None:
    predictor = load(tuned)
    asked = [
        (str(one["question"]), str(one["context"])) for one in (squad(i, answered=i % 2 > 0) for i in range(500, 540))
    ]
    before = [answer["prediction"] for answer in predictor.predict(asked)]
    predictor = with_threshold(predictor, -1e9)
    assert {answer["prediction"] for answer in predictor.predict(asked)} == {NONE}
    predictor = with_threshold(predictor, 1e9)
    assert NONE not in {answer["prediction"] for answer in predictor.predict(asked)}
    assert any(before)
